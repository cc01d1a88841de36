"""What `doctor` says of a builder in a network of its own; docker is a script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_programs import write_program
from tests.support.project import Project
from tests.support.scripted_server import GONE, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUILDX = "github.com/docker/buildx v0.13.1 788433953af10f2a698f5c07611dddce2e08c7a0"
INSPECT = """\
Name:          ci
Driver:        docker-container
Last Activity: 2026-11-28 22:00:00 +0000 UTC

Nodes:
Name:                  ci0
Endpoint:              unix:///run/docker.sock
{options}Status:                running
BuildKit daemon flags: --allow-insecure-entitlement=network.host
BuildKit version:      v0.34.2
Platforms:             linux/amd64, linux/amd64/v2
"""
"""As `docker buildx inspect` of buildx 0.13.1 prints it."""

OPTIONS = 'Driver Options:        network="host"\n'


def check(tmp_path: Path, options: str, host: str) -> dict[str, object]:
    """Return the check `builder` of `doctor --json`."""
    (tmp_path / "inspect").write_text(INSPECT.format(options=options))
    write_program(
        tmp_path / "bin" / "docker",
        f'case "$*" in "buildx version") echo {BUILDX};;'
        f' "buildx inspect"*) cat {tmp_path}/inspect;; *) exit 1;; esac',
    )
    project = Project(tmp_path / "project", tmp_path / "log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.write("pipeline.toml", f'[registry]\nhost = "{host}"\n[build]\nbuilder = "ci"\n')
    project.image("web", "FROM scratch\nCOPY a_txt /\n", a_txt="a\n")
    path = f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"
    ran = project.invoke("doctor", "--json", environ={"PATH": path})
    return next(one for one in ran.json["checks"] if one["name"] == "builder")


@pytest.fixture
def address() -> Iterator[str]:
    """Start a registry that has nothing, which needs no retries."""
    with scripted_server(lambda _request: GONE) as server:
        yield server.address


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_registry_that_the_builder_will_not_reach(
    tmp_path: Path, address: str, name: str
) -> None:
    """It is found before a build, and the hint says what to do."""
    host = address.replace("127.0.0.1", name)
    found = check(tmp_path, "", host)

    assert found["ok"] is False
    assert f"cannot reach the registry `{host}`" in str(found["detail"])
    assert "--driver-opt network=host" in str(found["hint"])


def test_a_builder_in_the_network_of_the_machine(tmp_path: Path, address: str) -> None:
    """It reaches the registry."""
    found = check(tmp_path, OPTIONS, address)

    assert found["ok"] is True
    assert "driver docker-container" in str(found["detail"])
