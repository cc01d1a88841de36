"""One stand-in for the tests of a file: each test makes apps of its own names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly import fake_fly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fly import FakeFly


@pytest.fixture(scope="module")
def fly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFly]:
    """With an app `web` of `acme`, its image `v1`, and an app `secret` of another organization."""
    with fake_fly(tmp_path_factory.mktemp("fake-fly")) as running:
        running.create_app("web")
        running.create_app("worker")
        running.create_app("secret", org="rival")
        for app in ("web", "secret"):
            running.push(app, "v1")
        yield running
