"""Mistakes in the user's files: exit code 2, all problems at once, no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import __version__
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bad(tmp_path: Path) -> Project:
    """Make a project whose tasks end before they need an engine or a registry."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", "")
    return project


def refused(project: Project, *words: str) -> str:
    """Run `plan`, which must fail with exit code 2, and return its stderr."""
    ran = project.invoke(*(words or ("plan",)))
    assert ran.code == 2, ran.out + ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


def test_a_missing_dockerfile(bad: Project) -> None:
    """The error names an image folder without a Dockerfile."""
    bad.write("images/web/image.toml", "")

    assert "images/web/Dockerfile" in refused(bad)


def test_an_unknown_key_has_its_location_and_a_suggestion(bad: Project) -> None:
    """The error has file, line, column and "did you mean"."""
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("pipeline.toml", '[registry]\nhots = "registry.fly.io"\n')

    said = refused(bad)

    assert "pipeline.toml:2:1: " in said
    assert "did you mean `host`" in said


def test_a_required_version_that_is_not_installed(bad: Project) -> None:
    """A wrong version is reported before other mistakes in the file, and by `doctor`."""
    bad.write("pipeline.toml", 'requires = ">=99"\nhots = 1\n')

    said, doctor = refused(bad), bad.invoke("doctor")

    wanted = "pipeline.toml:1:12: this project requires Fly Image Pipeline >=99, and this is"
    assert f"{wanted} {__version__}" in said
    assert 'hint: install "fly-image-pipeline>=99"' in said
    assert "hots" not in said
    assert (doctor.code, wanted in doctor.out, "hots" in doctor.out) == (4, True, False)


def test_a_cycle_is_shown_as_a_path(bad: Project) -> None:
    """The error names all images of the cycle in order."""
    bad.image("a", "FROM b\n")
    bad.image("b", "FROM c\n")
    bad.image("c", "FROM a\n")

    assert "a -> b -> c -> a" in refused(bad)


def test_an_unset_argument(bad: Project) -> None:
    """`FROM ${UNSET}` is an error with its line."""
    bad.image("web", "\nFROM ${UNSET}\n")

    assert "images/web/Dockerfile:2" in refused(bad)


def test_a_context_outside_the_project(bad: Project) -> None:
    """A context outside the project is refused: its files may differ between machines."""
    bad.image("web", "FROM debian:bookworm-slim\n", image_toml='context = "../../.."\n')

    said = refused(bad)

    assert "images/web/image.toml:1" in said
    assert "outside the project" in said


def test_two_images_of_one_name(bad: Project) -> None:
    """The second image with a name is refused, and the error names the first."""
    bad.write("pipeline.toml", 'images = ["images/*", "services/*"]\n')
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("services/web/Dockerfile", "FROM debian:bookworm-slim\n")

    said = refused(bad)

    assert "images/web" in said
    assert "services/web" in said


def test_invalid_toml(bad: Project) -> None:
    """A syntax error has its line and column."""
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("pipeline.toml", "[registry\n")

    assert "pipeline.toml:1:10" in refused(bad)


def test_no_images_at_all(bad: Project) -> None:
    """The error for an empty `images/` says where Dockerfiles are expected."""
    (bad.root / "images").mkdir()

    assert "images/*" in refused(bad)


def test_a_stage_named_like_its_base(bad: Project) -> None:
    """Refuse a stage with the name of its base, which BuildKit would use instead of the base."""
    bad.image("os", "FROM debian:bookworm-slim\n")
    bad.image("web", "FROM os AS os\nRUN true\n")

    assert "images/web/Dockerfile:1" in refused(bad)


def test_all_problems_are_reported_at_once(bad: Project) -> None:
    """One run reports the problems of several files."""
    bad.image("a", "FROM ${X}\n")
    bad.image("b", "FRMO debian\n")
    bad.image("c", "FROM debian\n", image_toml="saltt = 1\n")

    said = refused(bad)

    assert "images/a/Dockerfile:1" in said
    assert "images/b/Dockerfile:1" in said
    assert "images/c/image.toml:1:1" in said


def test_an_unknown_image_name(bad: Project) -> None:
    """The error for a wrong image name suggests the nearest name."""
    bad.image("python-base", "FROM debian:bookworm-slim\n")

    assert "did you mean `python-base`" in refused(bad, "build", "pyton-base")
