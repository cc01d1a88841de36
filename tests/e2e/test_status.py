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
    """Return an app name that no other test uses."""
    return f"stand-{tmp_path.name.replace('_', '-')}"


@pytest.fixture
def engine_client(engine: None, name: str) -> Iterator[DockerClient]:
    """Return a client of the engine; remove the app's containers at the end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        remove_apps(client, [name])
        client.close()


@pytest.fixture
def sample_project(project: Project, name: str, engine_client: DockerClient) -> Project:
    """Make one app without a port, on an image that nobody else deploys."""
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
    """Return the state of the only app."""
    jsonschema.validate(ran.json, schemas.STATUS)
    (app,) = ran.json["apps"]
    found: str = app["state"]
    return found


def test_status_follows_an_app(
    sample_project: Project, name: str, engine_client: DockerClient
) -> None:
    """Missing, current, outdated, unhealthy; one request to the registry, and no build."""
    missing = sample_project.invoke("status", "--json")
    code = sample_project.invoke("status", "--exit-code")
    assert sample_project.invoke("deploy-all").code == 0
    before = len(sample_project.requests())
    current = sample_project.invoke("status", "--json", "--exit-code")
    asked = sample_project.requests()[before:]
    shown = sample_project.invoke("status", "--only", "work")
    sample_project.write("images/work/work.txt", "2")
    outdated = sample_project.invoke("status", "--json")
    engine_client.containers.get(name).kill()
    unhealthy = sample_project.invoke("status", "--json")

    assert (state(missing), missing.code, code.code) == ("missing", 0, 5)
    assert (state(current), current.code) == ("current", 0), current.err
    assert [method for method, _ in asked] == ["HEAD"]
    (app,) = current.json["apps"]
    assert app["running"]["digest"] == app["wanted"]["digest"]
    assert shown.out.splitlines()[1].split()[:2] == [name, "current"]
    assert state(outdated) == "outdated"
    assert outdated.json["apps"][0]["wanted"]["digest"] is None
    assert state(unhealthy) == "unhealthy"


def test_status_without_an_engine(sample_project: Project, tmp_path: Path) -> None:
    """Without an engine `status` exits with 4 and says why."""
    ran = sample_project.invoke("status", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    assert ran.code == 4
    assert "no Docker engine answers" in ran.err


def test_status_of_apps_by_pattern(sample_project: Project, name: str) -> None:
    """`match:` lists existing apps; before the first deploy there are none, with a warning."""
    pattern = f'[deploy]\napps = "match:{name[:-1]}?"\n'
    listed = (sample_project.root / "images/work/image.toml").read_text()
    sample_project.write("images/work/image.toml", pattern)
    before = sample_project.invoke("status", "--json")
    sample_project.write("images/work/image.toml", listed)
    assert sample_project.invoke("deploy-all").code == 0
    sample_project.write("images/work/image.toml", pattern)
    after = sample_project.invoke("plan", "--json")

    assert (before.code, before.json["apps"]) == (0, []), before.err
    assert "`apps` gives no names" in before.err
    assert [(d["app"], d["action"]) for d in after.json["deploys"]] == [(name, "current")]
