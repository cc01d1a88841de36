"""A project with two apps, deployed to the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import pytest

from tests.support import docker_apps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project


@pytest.fixture
def engine_client(engine: None, tmp_path: Path) -> Iterator[DockerClient]:
    """Return a client of the engine; remove the test's containers at its end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        docker_apps.remove(client, tmp_path)
        client.close()


@pytest.fixture
def docker_project(project: Project, tmp_path: Path, engine_client: DockerClient) -> Project:
    """Make a project with two apps that answer HTTP, for the driver `docker`."""
    del engine_client
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    for name in ("api", "web"):
        docker_apps.app(project, tmp_path, name, answer=f"{name} 1")
    return project
