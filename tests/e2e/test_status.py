"""`invoke status`, `releases` and `rollback` with the driver `docker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import jsonschema
import pytest

from tests.console import schemas
from tests.support.docker import remove_apps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project, Ran

pytestmark = pytest.mark.engine


@pytest.fixture
def name(tmp_path: Path) -> str:
    """The app's name: no other test's."""
    return f"stand-{tmp_path.name.replace('_', '-')}"


@pytest.fixture
def engine_client(engine: None, name: str) -> Iterator[DockerClient]:
    """A client of the engine; the app's containers are removed at the end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        remove_apps(client, [name])
        client.close()


@pytest.fixture
def shop(project: Project, name: str, engine_client: DockerClient) -> Project:
    """One app that listens on nothing, on an image that nobody else deploys."""
    del engine_client
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    dockerfile = (
        'FROM debian:bookworm-slim\nCOPY work.txt /\nSTOPSIGNAL SIGKILL\nCMD ["sleep", "inf"]\n'
    )
    project.image("work", dockerfile, work_txt="1")
    project.write("images/work/image.toml", f'[deploy]\napps = ["{name}"]\n')
    return project


def state(ran: Ran) -> str:
    """How the one app stands."""
    jsonschema.validate(ran.json, schemas.STATUS)
    (app,) = ran.json["apps"]
    found: str = app["state"]
    return found


def test_status_follows_an_app(shop: Project, name: str, engine_client: DockerClient) -> None:
    """Missing, current, outdated, unhealthy; one request to the registry, and nothing is built."""
    missing = shop.invoke("status", "--json")
    code = shop.invoke("status", "--exit-code")
    assert shop.invoke("deploy-all").code == 0
    before = len(shop.requests())
    current = shop.invoke("status", "--json", "--exit-code")
    asked = shop.requests()[before:]
    shown = shop.invoke("status", "--only", "work")
    shop.write("images/work/work.txt", "2")
    outdated = shop.invoke("status", "--json")
    engine_client.containers.get(name).kill()
    unhealthy = shop.invoke("status", "--json")

    assert (state(missing), missing.code, code.code) == ("missing", 0, 5)
    assert (state(current), current.code) == ("current", 0), current.err
    assert [method for method, _ in asked] == ["HEAD"]
    (app,) = current.json["apps"]
    assert app["running"]["digest"] == app["wanted"]["digest"]
    assert shown.out.splitlines()[1].split()[:2] == [name, "current"]
    assert state(outdated) == "outdated"
    assert outdated.json["apps"][0]["wanted"]["digest"] is None
    assert state(unhealthy) == "unhealthy"


def test_status_without_an_engine(shop: Project, tmp_path: Path) -> None:
    """It could not be found out: 4, and why."""
    ran = shop.invoke("status", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    assert ran.code == 4
    assert "no Docker engine answers" in ran.err


def test_apps_may_be_those_that_are_there(shop: Project, name: str) -> None:
    """`match:` asks the driver: nothing before the first deploy, and it is warned of."""
    pattern = f'[deploy]\napps = "match:{name[:-1]}?"\n'
    listed = (shop.root / "images/work/image.toml").read_text()
    shop.write("images/work/image.toml", pattern)
    before = shop.invoke("status", "--json")
    shop.write("images/work/image.toml", listed)
    assert shop.invoke("deploy-all").code == 0
    shop.write("images/work/image.toml", pattern)
    after = shop.invoke("plan", "--json")

    assert (before.code, before.json["apps"]) == (0, []), before.err
    assert "`apps` gives no names" in before.err
    assert [(d["app"], d["action"]) for d in after.json["deploys"]] == [(name, "current")]
