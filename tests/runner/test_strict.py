"""`strict`: what the tags of a plan may hide is an error, before anything is done."""

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
from tests.support.contexts import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.events import Event

PROBLEMS = (Problem(Location("b", 1), "two"), Problem(Location("a", 1), "one", "do this"))
FILE = "strict = true\n\n[profiles.lax]\nstrict = false\n"


def planned(root: Path, *, strict: bool) -> Plan:
    """A plan with nothing to do and two warnings."""
    return Plan(Project(root, Settings(strict=strict), ()), (), warnings=PROBLEMS)


def test_a_run_tells_warnings_before_its_plan(tmp_path: Path) -> None:
    """So that they stand above all that is built."""
    told: list[Event] = []

    run(planned(tmp_path, strict=False), report=told.append, environ={})

    assert told[:2] == [Warned(problem) for problem in PROBLEMS]
    assert isinstance(told[2], Planned)


def test_a_strict_run_does_nothing(tmp_path: Path) -> None:
    """All of them are told at once, in order of place, and nothing else is."""
    told: list[Event] = []

    with pytest.raises(ConfigError) as caught:
        run(planned(tmp_path, strict=True), report=told.append, environ={})

    assert caught.value.problems == PROBLEMS[::-1]
    assert told == []


def test_strictness_is_a_setting_that_a_profile_may_change(tmp_path: Path) -> None:
    """It is off by default."""
    write_tree(tmp_path, {"pipeline.toml": FILE, "images/a/Dockerfile": "FROM scratch\n"})
    plain = load(tmp_path, environ={}).settings
    lax = load(tmp_path, profile="lax", environ={}).settings

    assert (Settings().strict, plain.strict, lax.strict) == (False, True, False)
    assert replace(plain, strict=False, profile="lax") == lax
