"""Mistakes in the user's files: exit code 2, all problems at once, no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import __version__
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project_without_engine(tmp_path: Path) -> Project:
    """Make a project whose tasks end before they need an engine or a registry."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", "")
    return project


def failed_plan(project: Project, *words: str) -> str:
    """Run `plan`, which must fail with exit code 2, and return its stderr."""
    ran = project.invoke(*(words or ("plan",)))
    assert ran.code == 2, ran.out + ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


def test_a_missing_dockerfile(project_without_engine: Project) -> None:
    """The error names an image folder without a Dockerfile."""
    project_without_engine.write("images/web/image.toml", "")

    assert "images/web/Dockerfile" in failed_plan(project_without_engine)


def test_an_unknown_key_has_its_location_and_a_suggestion(project_without_engine: Project) -> None:
    """The error has file, line, column and "did you mean"."""
    project_without_engine.image("web", "FROM debian:bookworm-slim\n")
    project_without_engine.write("pipeline.toml", '[registry]\nhots = "registry.fly.io"\n')

    said = failed_plan(project_without_engine)

    assert "pipeline.toml:2:1: " in said
    assert "did you mean `host`" in said


def test_a_required_version_that_is_not_installed(project_without_engine: Project) -> None:
    """A wrong version is reported before other mistakes in the file, and by `doctor`."""
    project_without_engine.write("pipeline.toml", 'requires = ">=99"\nhots = 1\n')

    said, doctor = failed_plan(project_without_engine), project_without_engine.invoke("doctor")

    wanted = "pipeline.toml:1:12: this project requires Fly Image Pipeline >=99, and this is"
    assert f"{wanted} {__version__}" in said
    assert 'hint: install "fly-image-pipeline>=99"' in said
    assert "hots" not in said
    assert (doctor.code, wanted in doctor.out, "hots" in doctor.out) == (4, True, False)


def test_a_cycle_is_shown_as_a_path(project_without_engine: Project) -> None:
    """The error names all images of the cycle in order."""
    project_without_engine.image("a", "FROM b\n")
    project_without_engine.image("b", "FROM c\n")
    project_without_engine.image("c", "FROM a\n")

    assert "a -> b -> c -> a" in failed_plan(project_without_engine)


def test_an_unset_argument(project_without_engine: Project) -> None:
    """`FROM ${UNSET}` is an error with its line."""
    project_without_engine.image("web", "\nFROM ${UNSET}\n")

    assert "images/web/Dockerfile:2" in failed_plan(project_without_engine)


def test_a_context_outside_the_project(project_without_engine: Project) -> None:
    """A context outside the project is refused: its files may differ between machines."""
    project_without_engine.image(
        "web", "FROM debian:bookworm-slim\n", image_toml='context = "../../.."\n'
    )

    said = failed_plan(project_without_engine)

    assert "images/web/image.toml:1" in said
    assert "outside the project" in said


def test_two_images_of_one_name(project_without_engine: Project) -> None:
    """The second image with a name is refused, and the error names the first."""
    project_without_engine.write("pipeline.toml", 'images = ["images/*", "services/*"]\n')
    project_without_engine.image("web", "FROM debian:bookworm-slim\n")
    project_without_engine.write("services/web/Dockerfile", "FROM debian:bookworm-slim\n")

    said = failed_plan(project_without_engine)

    assert "images/web" in said
    assert "services/web" in said


def test_invalid_toml(project_without_engine: Project) -> None:
    """A syntax error has its line and column."""
    project_without_engine.image("web", "FROM debian:bookworm-slim\n")
    project_without_engine.write("pipeline.toml", "[registry\n")

    assert "pipeline.toml:1:10" in failed_plan(project_without_engine)


def test_no_images_at_all(project_without_engine: Project) -> None:
    """The error for an empty `images/` says where Dockerfiles are expected."""
    (project_without_engine.root / "images").mkdir()

    assert "images/*" in failed_plan(project_without_engine)


def test_a_stage_named_like_its_base(project_without_engine: Project) -> None:
    """Refuse a stage with the name of its base, which BuildKit would use instead of the base."""
    project_without_engine.image("os", "FROM debian:bookworm-slim\n")
    project_without_engine.image("web", "FROM os AS os\nRUN true\n")

    assert "images/web/Dockerfile:1" in failed_plan(project_without_engine)


def test_all_problems_are_reported_at_once(project_without_engine: Project) -> None:
    """One run reports the problems of several files."""
    project_without_engine.image("a", "FROM ${X}\n")
    project_without_engine.image("b", "FRMO debian\n")
    project_without_engine.image("c", "FROM debian\n", image_toml="saltt = 1\n")

    said = failed_plan(project_without_engine)

    assert "images/a/Dockerfile:1" in said
    assert "images/b/Dockerfile:1" in said
    assert "images/c/image.toml:1:1" in said


def test_an_unknown_image_name(project_without_engine: Project) -> None:
    """The error for a wrong image name suggests the nearest name."""
    project_without_engine.image("python-base", "FROM debian:bookworm-slim\n")

    assert "did you mean `python-base`" in failed_plan(
        project_without_engine, "build", "pyton-base"
    )
