"""One fake Fly for the tests of a file; each test creates its own apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly import fake_fly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fly import FakeFly


@pytest.fixture(scope="module")
def fly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFly]:
    """Start it with the app `web` of `acme`, its image `v1`, and `secret` of another one."""
    with fake_fly(tmp_path_factory.mktemp("fake-fly")) as running:
        running.create_app("web")
        running.create_app("worker")
        running.create_app("secret", org="rival")
        for app in ("web", "secret"):
            running.push(app, "v1")
        yield running
