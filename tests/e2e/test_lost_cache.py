"""A cached step whose content BuildKit has lost, as after a killed build."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.buildkit.test_progress import END, vertex
from tests.support.fake_programs import write_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

pytestmark = pytest.mark.engine

LOST = (
    "failed to commit qz to rf during finalize: failed to stat active key during commit: "
    "snapshot qz does not exist: not found"
)
"""The engine's error message, as seen in `make kills`."""

DOCKER = """
case "$1 $2" in
  *bake*)
    case "$*" in
      *--no-cache*) ;;
      *) echo cached >> {told}; cat {lost} >&2; exit 1 ;;
    esac ;;
esac
exec {docker} "$@"
"""
"""A `docker` whose bakes fail as long as they use the cache; everything else is real."""


def test_the_retry_builds_without_the_cache(project: Project, tmp_path: Path) -> None:
    """The second attempt builds without the cache, and a message says so."""
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="web")
    real = shutil.which("docker")
    assert real
    lost, told = (tmp_path / name for name in ("lost.json", "told"))
    lost.write_bytes(vertex("[web] exporting to image", completed=END, error=LOST))
    paths = {"told": told, "lost": lost, "docker": real}
    script = DOCKER.format(**{k: shlex.quote(str(v)) for k, v in paths.items()})
    docker = write_program(tmp_path / "tools" / "docker", script)

    ran = project.invoke(
        "build-all", "--json", environ={"PATH": f"{docker.parent}{os.pathsep}{os.environ['PATH']}"}
    )

    assert ran.code == 0, ran.err
    assert ran.statuses() == {"web": "built"}
    assert told.read_text() == "cached\n"
    assert ran.err.count("trying again") == 1, ran.err
    assert "snapshot qz does not exist" in ran.err
