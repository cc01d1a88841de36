"""The names that packages export, on which users' code depends."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

FUNCTIONS = ["fingerprint", "inspect", "load", "plan", "resolve_apps", "run"]
LIBRARY = [
    *FUNCTIONS,
    "AppChanged",
    "ConfigError",
    "Event",
    "FaultError",
    "Finished",
    "ImageChanged",
    "ImageName",
    "InterruptedByUserError",
    "Location",
    "LogLine",
    "Notice",
    "Phase",
    "PipelineError",
    "Plan",
    "Planned",
    "Problem",
    "Project",
    "Report",
    "Reporter",
    "State",
    "StepChanged",
    "UnknownError",
    "Warned",
    "WorkError",
]
EXPORTS = {
    "pipeline": LIBRARY,
    "pipeline.tasks": ["ns"],
    "pipeline.dockerfile": [
        "RESERVED_NAMES",
        "Dockerfile",
        "NamedImage",
        "Onbuild",
        "Read",
        "ReadKind",
        "Reads",
        "Resolved",
        "Stage",
        "StageSteps",
        "context_key",
        "given_repositories",
        "is_official",
        "is_proxy",
        "merge_reads",
        "merge_steps",
        "parse",
        "resolve",
    ],
    "fly_image_pipeline": LIBRARY,
    "fly_image_pipeline.tasks": ["ns"],
}


@pytest.mark.parametrize(("package", "names"), EXPORTS.items())
def test_a_package_exports_these_names(package: str, names: list[str]) -> None:
    """Exactly these names, and each can be imported."""
    module = import_module(package)
    assert sorted(module.__all__) == sorted(names)
    assert [name for name in names if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", ["pipeline", "fly_image_pipeline"])
def test_the_library_is_the_same_under_both_names(package: str) -> None:
    """Both names of the package have the same functions, not copies."""
    ours = import_module("pipeline")
    theirs = import_module(package)
    assert [name for name in LIBRARY if getattr(theirs, name) is not getattr(ours, name)] == []


@pytest.mark.parametrize("package", ["pipeline", "fly_image_pipeline"])
def test_a_name_that_is_not_there_is_an_error(package: str) -> None:
    """As with any module, with the name in the message."""
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        import_module(package).nothing_of_ours  # noqa: B018 - looking it up is the test


EACH_FIRST = """
import os, sys
import pipeline.tasks

for name in sys.argv[1:]:
    if os.fork() == 0:
        found = {}
        exec(f"from pipeline import {name}", found)
        print(name, callable(found[name]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_no_module_of_ours_takes_the_name_of_a_function() -> None:
    """`import pipeline.tasks` first must not make `pipeline.run` a module."""
    command = [sys.executable, "-c", EACH_FIRST, *FUNCTIONS]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [f"{name} True" for name in FUNCTIONS], said.stderr
