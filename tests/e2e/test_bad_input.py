"""What is wrong in the user's files: exit 2, every problem at once, and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import __version__
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bad(tmp_path: Path) -> Project:
    """A project that never gets as far as an engine or a registry."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", "")
    return project


def refused(project: Project, *words: str) -> str:
    """Run `plan`; what it said while it refused."""
    ran = project.invoke(*(words or ("plan",)))
    assert ran.code == 2, ran.out + ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err


def test_a_missing_dockerfile(bad: Project) -> None:
    """An image folder without one is named."""
    bad.write("images/web/image.toml", "")

    assert "images/web/Dockerfile" in refused(bad)


def test_an_unknown_key_has_its_place_and_the_nearest_name(bad: Project) -> None:
    """File, line, column, and "did you mean"."""
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("pipeline.toml", '[registry]\nhots = "registry.fly.io"\n')

    said = refused(bad)

    assert "pipeline.toml:2:1: " in said
    assert "did you mean `host`" in said


def test_another_version_is_wanted(bad: Project) -> None:
    """Told before all else that is wrong in the file; `doctor` tells it, too."""
    bad.write("pipeline.toml", 'requires = ">=99"\nhots = 1\n')

    said, doctor = refused(bad), bad.invoke("doctor")

    wanted = "pipeline.toml:1:12: this project requires Fly Image Pipeline >=99, and this is"
    assert f"{wanted} {__version__}" in said
    assert 'hint: install "fly-image-pipeline>=99"' in said
    assert "hots" not in said
    assert (doctor.code, wanted in doctor.out, "hots" in doctor.out) == (4, True, False)


def test_a_cycle_is_shown_as_a_path(bad: Project) -> None:
    """Each image of the cycle is named, in order."""
    bad.image("a", "FROM b\n")
    bad.image("b", "FROM c\n")
    bad.image("c", "FROM a\n")

    assert "a -> b -> c -> a" in refused(bad)


def test_an_unset_argument(bad: Project) -> None:
    """`FROM ${UNSET}` is an error at its line, not a guess."""
    bad.image("web", "\nFROM ${UNSET}\n")

    assert "images/web/Dockerfile:2" in refused(bad)


def test_a_context_outside_the_project(bad: Project) -> None:
    """Files out there could not be told from one machine to the next."""
    bad.image("web", "FROM debian:bookworm-slim\n", image_toml='context = "../../.."\n')

    said = refused(bad)

    assert "images/web/image.toml:1" in said
    assert "outside the project" in said


def test_two_images_of_one_name(bad: Project) -> None:
    """The second is refused, and the first named."""
    bad.write("pipeline.toml", 'images = ["images/*", "services/*"]\n')
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("services/web/Dockerfile", "FROM debian:bookworm-slim\n")

    said = refused(bad)

    assert "images/web" in said
    assert "services/web" in said


def test_what_is_not_toml(bad: Project) -> None:
    """A syntax error has its line and column."""
    bad.image("web", "FROM debian:bookworm-slim\n")
    bad.write("pipeline.toml", "[registry\n")

    assert "pipeline.toml:1:10" in refused(bad)


def test_no_images_at_all(bad: Project) -> None:
    """An empty `images/` says what was looked for."""
    (bad.root / "images").mkdir()

    assert "images/*" in refused(bad)


def test_a_stage_with_the_name_of_its_base(bad: Project) -> None:
    """BuildKit would take the stage for the base and leave its steps out, so it is refused."""
    bad.image("os", "FROM debian:bookworm-slim\n")
    bad.image("web", "FROM os AS os\nRUN true\n")

    assert "images/web/Dockerfile:1" in refused(bad)


def test_all_problems_come_at_once(bad: Project) -> None:
    """Problems of several files are told in one run."""
    bad.image("a", "FROM ${X}\n")
    bad.image("b", "FRMO debian\n")
    bad.image("c", "FROM debian\n", image_toml="saltt = 1\n")

    said = refused(bad)

    assert "images/a/Dockerfile:1" in said
    assert "images/b/Dockerfile:1" in said
    assert "images/c/image.toml:1:1" in said


def test_an_image_that_does_not_exist(bad: Project) -> None:
    """A slip in a name on the command line gets the nearest name."""
    bad.image("python-base", "FROM debian:bookworm-slim\n")

    assert "did you mean `python-base`" in refused(bad, "build", "pyton-base")
