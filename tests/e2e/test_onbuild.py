"""Triggers (`ONBUILD`) of an external: nothing is published until the lock has them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.served_folder import serve_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def external(project: Project, tmp_path: Path) -> Iterator[str]:
    """Push an external with triggers."""
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    reference = f"{host}/outside/corp-node:1"
    (tmp_path / "outside").mkdir()
    with serve_folder(tmp_path / "served") as (served, address):
        (served / "tool").write_text("a tool")
        (tmp_path / "outside/Dockerfile").write_text(
            f"FROM debian:bookworm-slim\nONBUILD ADD {address}/tool /\nONBUILD COPY app.js /\n"
        )
        build = ["docker", "buildx", "build", "--provenance=false", "--push", "-t", reference]
        subprocess.run([*build, str(tmp_path / "outside")], check=True, capture_output=True)
        yield reference


@pytest.fixture
def sample_project(project: Project, external: str) -> Project:
    """Make an image on the external, one with a test, one on the first, and an unrelated one."""
    project.image("web", f"FROM {external}\nWORKDIR /\nCOPY web.txt /\n", web_txt="w", app_js="1")
    project.image("tested", f"FROM {external}\nLABEL tested=1\n", app_js="1")
    project.write("images/tested/image.toml", '[test]\ncommand = ["cat", "/app.js"]\n')
    project.image("top", "FROM web\nLABEL top=1\n")
    project.image("beside", f"FROM scratch\nCOPY --from={external} /etc/os-release /\n")
    return project


FAILED = {"web": "failed", "tested": "failed", "top": "blocked", "beside": "built"}


def actions(ran: Ran) -> dict[str, str]:
    """Return the action of each image in a plan."""
    assert ran.code == 0, ran.err
    return {image["name"]: image["action"] for image in ran.json["images"]}


def test_nothing_is_published_with_unknown_triggers(sample_project: Project) -> None:
    """An external without a lock, or whose lock has no triggers, fails with a hint."""
    unlocked = sample_project.invoke("build-all", "--keep-going", "--json")
    planned = sample_project.invoke("plan", "--json")
    locked = sample_project.invoke("lock")
    assert locked.code == 0, locked.err
    lock = sample_project.root / "pipeline.lock"
    known = lock.read_text()
    lock.write_text(re.sub("triggers = .*\n", "", known))
    old = sample_project.invoke("build-all", "--keep-going", "--json")
    lock.write_text(known)
    built = sample_project.invoke("build-all", "--json")
    sample_project.write("images/web/app.js", "2")
    changed = sample_project.invoke("plan", "--json")

    failure = next(image["failure"] for image in unlocked.json["images"] if image["name"] == "web")
    assert unlocked.code == old.code == 1
    assert unlocked.statuses() == old.statuses() == FAILED
    assert "corp-node:1` that `pipeline.lock` does not know" in failure["message"]
    assert failure["location"] == "images/web/Dockerfile:1:1"
    assert "`invoke lock`" in failure["hint"]
    assert actions(planned) == dict.fromkeys(("web", "tested", "top"), "build") | {
        "beside": "exists"
    }
    assert built.code == 0, built.err
    assert built.statuses() == dict.fromkeys(FAILED, "built") | {"beside": "exists"}
    assert [image["unaccounted"] for image in built.json["images"]] == [[]] * 4
    assert actions(changed) == {
        "web": "build",
        "tested": "exists",
        "top": "build",
        "beside": "exists",
    }
