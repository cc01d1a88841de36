"""`strict`: warnings of a plan are errors before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import ConfigError, Location, Problem
from pipeline.model.events import Planned, Warned
from pipeline.model.plan import Plan
from pipeline.model.project import Project
from pipeline.model.settings import Settings
from pipeline.project.load import load
from pipeline.runner.run import run
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.events import Event

PROBLEMS = (Problem(Location("b", 1), "two"), Problem(Location("a", 1), "one", "do this"))
FILE = "strict = true\n\n[profiles.lax]\nstrict = false\n"


def planned(root: Path, *, strict: bool) -> Plan:
    """Return a plan with nothing to do and two warnings."""
    return Plan(Project(root, Settings(strict=strict), ()), (), warnings=PROBLEMS)


def test_warnings_are_printed_before_the_plan(tmp_path: Path) -> None:
    """Warnings are printed before the plan."""
    told: list[Event] = []

    run(planned(tmp_path, strict=False), report=told.append, environ={})

    assert told[:2] == [Warned(problem) for problem in PROBLEMS]
    assert isinstance(told[2], Planned)


def test_a_strict_run_does_nothing(tmp_path: Path) -> None:
    """All warnings are reported at once, sorted by location, and nothing else is."""
    told: list[Event] = []

    with pytest.raises(ConfigError) as caught:
        run(planned(tmp_path, strict=True), report=told.append, environ={})

    assert caught.value.problems == PROBLEMS[::-1]
    assert told == []


def test_strictness_is_a_setting_that_a_profile_may_change(tmp_path: Path) -> None:
    """It is off by default, and a profile may change it."""
    write_tree(tmp_path, {"pipeline.toml": FILE, "images/a/Dockerfile": "FROM scratch\n"})
    plain = load(tmp_path, environ={}).settings
    lax = load(tmp_path, profile="lax", environ={}).settings

    assert (Settings().strict, plain.strict, lax.strict) == (False, True, False)
    assert replace(plain, strict=False, profile="lax") == lax
