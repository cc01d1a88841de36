"""Triggers (ONBUILD) of an external: nothing is published until the lock knows them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.web import web_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def outside(project: Project, tmp_path: Path) -> Iterator[str]:
    """An external of somebody else's whose name says nothing of its triggers."""
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    reference = f"{host}/outside/corp-node:1"
    (tmp_path / "outside").mkdir()
    with web_folder(tmp_path / "served") as (served, address):
        (served / "tool").write_text("a tool")
        (tmp_path / "outside/Dockerfile").write_text(
            f"FROM debian:bookworm-slim\nONBUILD ADD {address}/tool /\nONBUILD COPY app.js /\n"
        )
        build = ["docker", "buildx", "build", "--provenance=false", "--push", "-t", reference]
        subprocess.run([*build, str(tmp_path / "outside")], check=True, capture_output=True)
        yield reference


@pytest.fixture
def shop(project: Project, outside: str) -> Project:
    """An image on the external, one with a test, one that stands on the first, one beside."""
    project.image("web", f"FROM {outside}\nWORKDIR /\nCOPY web.txt /\n", web_txt="w", app_js="1")
    project.image("tested", f"FROM {outside}\nLABEL tested=1\n", app_js="1")
    project.write("images/tested/image.toml", '[test]\ncommand = ["cat", "/app.js"]\n')
    project.image("top", "FROM web\nLABEL top=1\n")
    project.image("beside", f"FROM scratch\nCOPY --from={outside} /etc/os-release /\n")
    return project


FAILED = {"web": "failed", "tested": "failed", "top": "blocked", "beside": "built"}


def actions(ran: Ran) -> dict[str, str]:
    """What a plan does about each image."""
    assert ran.code == 0, ran.err
    return {image["name"]: image["action"] for image in ran.json["images"]}


def test_nothing_is_published_under_unknown_triggers(shop: Project) -> None:
    """Not locked, or by a lock that has none yet: failed, with the command that cures it."""
    unlocked = shop.invoke("build-all", "--keep-going", "--json")
    planned = shop.invoke("plan", "--json")
    locked = shop.invoke("lock")
    assert locked.code == 0, locked.err
    lock = shop.root / "pipeline.lock"
    known = lock.read_text()
    lock.write_text(re.sub("triggers = .*\n", "", known))
    old = shop.invoke("build-all", "--keep-going", "--json")
    lock.write_text(known)
    built = shop.invoke("build-all", "--json")
    shop.write("images/web/app.js", "2")
    changed = shop.invoke("plan", "--json")

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
