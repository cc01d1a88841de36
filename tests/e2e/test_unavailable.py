"""No engine, buildx, registry or permission: exit code 4, one clear message, and a hint."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.intercept import intercept
from tests.support.project import Project, three_levels
from tests.support.scripted_server import Reply

if TYPE_CHECKING:
    from tests.support.project import Ran
    from tests.support.scripted_server import Request

pytestmark = pytest.mark.engine

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def exit_code_4(ran: Ran) -> str:
    """Check that a run ended with exit code 4 and return its stderr."""
    assert ran.code == 4, ran.err
    assert "Traceback" not in ran.err
    assert "hint: " in ran.err
    return ran.err


def test_no_engine(project: Project, tmp_path: Path) -> None:
    """The error names the engine's address."""
    three_levels(project)
    nowhere = f"unix://{tmp_path}/no.sock"

    said = exit_code_4(project.invoke("build-all", environ={"DOCKER_HOST": nowhere}))

    assert str(tmp_path) in said


def test_no_buildx(project: Project, tmp_path: Path) -> None:
    """The error names the missing buildx plugin."""
    three_levels(project)
    docker = shutil.which("docker")
    assert docker
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(Path(docker).resolve())
    bare = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "DOCKER_CONFIG": str(tmp_path / "none")}

    assert "buildx" in exit_code_4(project.invoke("build-all", environ=bare))


def test_no_docker_at_all(project: Project, tmp_path: Path) -> None:
    """The error says that there is no docker on PATH, and how to install it."""
    three_levels(project)

    assert "docker" in exit_code_4(project.invoke("build-all", environ={"PATH": str(tmp_path)}))


def test_registry_down(tmp_path: Path) -> None:
    """A registry that is down stops the run before the build; the error names its setting, too."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", '[registry]\nhost = "127.0.0.1:9"\n')
    three_levels(project)

    said = exit_code_4(project.invoke("build-all"))

    assert "127.0.0.1:9" in said
    assert "`[registry] host` in `pipeline.toml` says where images are pushed" in said


def test_a_head_that_names_another_digest(project: Project) -> None:
    """A tag whose digest does not exist in the registry is unknown, not absent."""
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="w")
    built = project.invoke("build-all", "--json")
    project.write("images/web/image.toml", 'aliases = ["latest"]\n')
    host = (project.root / "pipeline.toml").read_text().split('"')[1]

    def lies(request: Request) -> Reply | None:
        other = {"Docker-Content-Digest": f"sha256:{'5' * 64}", "Content-Type": MANIFEST}
        asked_of_web = request.method == "HEAD" and not request.path.endswith("latest")
        return Reply(200, other) if asked_of_web else None

    with intercept(host, after=lies) as proxy:
        through = {"PIPELINE_REGISTRY_HOST": proxy.address}
        ran = project.invoke("build-all", "--json", environ=through)
        deep = project.invoke("exists", "web", "--verify", "deep", environ=through)
    again = project.invoke("build-all", "--json")

    assert "exists for HEAD, but not for GET" in exit_code_4(ran)
    assert ran.json["images"][0]["status"] == "failed"
    assert "another image by GET" in exit_code_4(deep)
    assert again.code == 0, again.err
    assert again.json["images"][0]["digest"] == built.json["images"][0]["digest"]
