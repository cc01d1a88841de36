"""Warnings go to stderr once; with `--strict` they are errors before anything else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registries import Registry

SAID = "images/.dockerignore: `.git` is copied"


@pytest.fixture
def project_with_git_copied(tmp_path: Path, registry: Registry) -> Project:
    """Make two images that copy the `.git` of their context."""
    project = Project(tmp_path / "project", tmp_path / "registry" / "registry.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", f'[registry]\nhost = "{registry.address}"\n')
    project.write("images/.git/config", "token")
    for name in ("api", "web"):
        project.image(
            name, f"FROM scratch\nLABEL n={name}\nCOPY . /\n", image_toml='context = ".."'
        )
    return project


def test_a_warning_is_printed_once_and_is_in_the_json(project_with_git_copied: Project) -> None:
    """The warning has a hint, and is in the JSON apart from stdout's data."""
    planned = project_with_git_copied.invoke("plan", "--json")
    shown = project_with_git_copied.invoke("inputs", "web", "--json")

    for ran in (planned, shown):
        assert ran.code == 0
        assert ran.err.count(f"warning: {SAID}") == 1
        assert "  hint: write `images/.dockerignore` with the line `.git`\n" in ran.err
        (warning,) = [w for w in ran.json["warnings"] if w["message"].startswith("`.git` is")]
        assert warning["location"] == "images/.dockerignore"


@pytest.mark.parametrize("words", [["plan"], ["inputs", "web"], ["build", "web"], ["build-all"]])
def test_strict_makes_a_warning_an_error(
    project_with_git_copied: Project, words: list[str]
) -> None:
    """`--strict`, or the setting in pipeline.toml, makes it an error; nothing is built."""
    said = [project_with_git_copied.invoke(*words, "--strict")]
    before = (project_with_git_copied.root / "pipeline.toml").read_text()
    project_with_git_copied.write("pipeline.toml", f"strict = true\n{before}")
    said.append(project_with_git_copied.invoke(*words))

    for ran in said:
        assert (ran.code, ran.out) == (2, "")
        assert f"error: {SAID}" in ran.err
        assert "warning" not in ran.err
    assert {method for method, _ in project_with_git_copied.requests()} <= {"GET", "HEAD"}
