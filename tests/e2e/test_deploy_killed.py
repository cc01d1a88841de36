"""The run after a killed deploy finishes it, with no state but what the apps run."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import docker
import pytest

from tests.support.docker import remove_apps
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine

APPS = 6


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """Return app names that no other test uses."""
    return [f"cut-{n}-{tmp_path.name.replace('_', '-')}" for n in range(APPS)]


@pytest.fixture
def engine_client(engine: None, names: list[str]) -> Iterator[DockerClient]:
    """Return a client of the engine; remove the apps' containers at the end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        remove_apps(client, names)
        client.close()


def test_a_killed_run_is_finished_by_the_next(
    project: Project, names: list[str], engine_client: DockerClient
) -> None:
    """After SIGKILL between two apps, the deployed one is current and is not deployed again."""
    settings = (project.root / "pipeline.toml").read_text()
    deploy = '[deploy]\ndriver = "docker"\nmax_parallel = 1\n'
    project.write("pipeline.toml", f"{settings}{deploy}")
    project.image("work", 'FROM debian:bookworm-slim\nSTOPSIGNAL SIGKILL\nCMD ["sleep", "inf"]\n')
    project.write("images/work/image.toml", f"[deploy]\napps = {json.dumps(names)}\n")

    def done() -> set[str]:
        # One request for all; inspecting each container takes longer than a deploy.
        running = engine_client.api.containers(filters={"label": "pipeline.app"})
        return {name.lstrip("/") for one in running for name in one["Names"]} & set(names)

    with project.start("deploy-all", "--json") as process:
        wait_until(lambda: bool(done()))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    before = done()
    ran = project.invoke("deploy-all", "--json")

    ends = {d["app"]: d["status"] for d in ran.json["deploys"]}
    assert ran.code == 0, ran.err
    assert before
    assert before != set(names)
    assert ends == {name: "current" if name in before else "deployed" for name in names}
    assert done() == set(names)
