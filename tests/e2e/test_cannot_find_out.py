"""No engine, no buildx, no registry, no rights: exit 4, one clear message, and what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.between import between
from tests.support.project import Project, three_levels
from tests.support.scripted import Reply

if TYPE_CHECKING:
    from tests.support.project import Ran
    from tests.support.scripted import Asked

pytestmark = pytest.mark.engine

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


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


def test_a_head_that_names_another_digest(project: Project) -> None:
    """Nothing is there by that digest, which says nothing of the tag: it is unknown, not absent."""
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="w")
    built = project.invoke("build-all", "--json")
    project.write("images/web/image.toml", 'aliases = ["latest"]\n')
    host = (project.root / "pipeline.toml").read_text().split('"')[1]

    def lies(asked: Asked) -> Reply | None:
        other = {"Docker-Content-Digest": f"sha256:{'5' * 64}", "Content-Type": MANIFEST}
        asked_of_web = asked.method == "HEAD" and not asked.path.endswith("latest")
        return Reply(200, other) if asked_of_web else None

    with between(host, after=lies) as proxy:
        through = {"PIPELINE_REGISTRY_HOST": proxy.address}
        ran = project.invoke("build-all", "--json", environ=through)
        deep = project.invoke("exists", "web", "--verify", "deep", environ=through)
    again = project.invoke("build-all", "--json")

    assert "exists for HEAD, but not for GET" in unknown(ran)
    assert ran.json["images"][0]["status"] == "failed"
    assert "another image by GET" in unknown(deep)
    assert again.code == 0, again.err
    assert again.json["images"][0]["digest"] == built.json["images"][0]["digest"]
