"""Two registries for each file, a repository and a client for each test."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from pipeline.registry.client import Registry as Client
from tests.support.registries import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registries import Registry


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Start one registry for this file."""
    with serve(tmp_path_factory.mktemp("contract") / "registry") as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Start a second one."""
    with serve(tmp_path_factory.mktemp("contract") / "elsewhere") as running:
        yield running


@pytest.fixture
def repository(server: Registry, request: pytest.FixtureRequest) -> str:
    """Return a repository for this test, which does not exist yet."""
    name = request.node.name.partition("[")[0].replace("_", "-")
    return f"{server.address}/{name}/{secrets.token_hex(4)}"


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a client without a credential."""
    with Client() as made:
        yield made
