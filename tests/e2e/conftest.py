"""A shop of two apps on the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import pytest

from tests.support import shop as shops

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project


@pytest.fixture
def engine_client(engine: None, tmp_path: Path) -> Iterator[DockerClient]:
    """A client of the engine; this test's containers are removed at its end."""
    del engine
    client = docker.from_env()
    try:
        yield client
    finally:
        shops.remove(client, tmp_path)
        client.close()


@pytest.fixture
def shop(project: Project, tmp_path: Path, engine_client: DockerClient) -> Project:
    """Two apps on the local engine that answer over HTTP."""
    del engine_client
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    for name in ("api", "web"):
        shops.app(project, tmp_path, name, answer=f"{name} 1")
    return project
