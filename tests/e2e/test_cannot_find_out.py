"""No engine, no buildx, no registry, no rights: exit 4, one clear message, and what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.project import Project, three_levels

if TYPE_CHECKING:
    from tests.support.project import Ran

pytestmark = pytest.mark.engine


def unknown(ran: Ran) -> str:
    """What was said by a run that could not find out."""
    assert ran.code == 4, ran.err
    assert "Traceback" not in ran.err
    assert "hint: " in ran.err
    return ran.err


def test_no_engine(project: Project, tmp_path: Path) -> None:
    """The engine's address is named."""
    three_levels(project)
    nowhere = f"unix://{tmp_path}/no.sock"

    said = unknown(project.invoke("build-all", environ={"DOCKER_HOST": nowhere}))

    assert str(tmp_path) in said


def test_no_buildx(project: Project, tmp_path: Path) -> None:
    """A docker without its plugin: the plugin is named."""
    three_levels(project)
    docker = shutil.which("docker")
    assert docker
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(Path(docker).resolve())
    bare = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "DOCKER_CONFIG": str(tmp_path / "none")}

    assert "buildx" in unknown(project.invoke("build-all", environ=bare))


def test_no_docker_at_all(project: Project, tmp_path: Path) -> None:
    """No docker on PATH: it is said, and how to get it."""
    three_levels(project)

    assert "docker" in unknown(project.invoke("build-all", environ={"PATH": str(tmp_path)}))


def test_registry_down(tmp_path: Path) -> None:
    """Nothing listens: nothing is built, and the address is named."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", '[registry]\nhost = "127.0.0.1:9"\n')
    three_levels(project)

    assert "127.0.0.1:9" in unknown(project.invoke("build-all"))
