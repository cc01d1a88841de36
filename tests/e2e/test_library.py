"""The library passes values from step to step, and prints nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load, plan, run
from tests.support.project import three_levels
from tests.support.task_options import arguments_of

if TYPE_CHECKING:
    from pipeline.model.events import Event
    from tests.support.project import Project


@pytest.mark.engine
def test_the_readmes_example(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """The README's example builds everything; then nothing is left to do."""
    three_levels(project)
    told: list[Event] = []

    loaded = load(project.root)
    report = run(plan(loaded, inspect(loaded)), report=told.append)
    again = plan(loaded, inspect(loaded))

    assert [image.name for image in report.images if image.status == "built"] == list(loaded.names)
    assert report.exit_code == 0
    assert again.empty
    assert told
    assert capfd.readouterr() == ("", "")


def test_listing_tasks_imports_little() -> None:
    """`invoke --list` imports no slow module."""
    heavy = (
        "h11",
        "httpcore",
        "httpx",
        "docker",
        "rich",
        "msgspec",
        "tomli",
        "tree_sitter",
        "requests",
    )
    few = {"pipeline", "pipeline.tasks"}
    script = (
        f"import pipeline.tasks, sys; print([m for m in {heavy} if m in sys.modules], "
        "{m for m in sys.modules if m.partition('.')[0] == 'pipeline' "
        f"and not m.startswith('pipeline.tasks.')}} - {few})"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )

    assert done.stdout.strip() == "[] set()"


def test_every_task_and_flag_has_help() -> None:
    """Each task has a one-line help, and so has each of its flags."""
    from pipeline.tasks import ns  # noqa: PLC0415 - Invoke's collection, as a user's file has it

    assert len(ns.task_names) > 5
    for name in ns.task_names:
        task = ns[name]
        assert task.__doc__, name
        # Invoke moves the texts from `help` to the arguments as it reads the signature.
        assert all(argument.help for argument in arguments_of(name)), name
