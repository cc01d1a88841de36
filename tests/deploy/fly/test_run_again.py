"""flyctl is run again after a failure that passes, and after no other."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.errors import DeployError
from pipeline.deploy.fly.driver import FlyDriver
from pipeline.fly.api import FlyApi
from pipeline.registry.auth.fly_program import candidates
from tests.support.fake_programs import write_program
from tests.support.fly_driver_setup import QUICK, FlyDriverSetup, open_fly_driver_setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model.apps import Running
    from pipeline.model.events import Event

pytestmark = pytest.mark.registry

LIMITED = "failed to list active VMs: rate limit exceeded (Request ID: 7060DE-iad) (Trace ID: 6908)"
HELD = "failed to acquire lease: lease currently held by x@tokens.fly.io"


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[FlyDriverSetup]:
    """Start a fake Fly with the app `web`."""
    with open_fly_driver_setup(tmp_path) as opened:
        yield opened


def deploy(setup: FlyDriverSetup, folder: Path, said: str) -> tuple[Running, list[str]]:
    """Deploy with a flyctl that fails once with these words; return what runs, and the steps."""
    real = candidates(setup.fly.environ)[0]
    failed = folder / "failed"
    write_program(
        folder / "bin" / "flyctl",
        f"if [ $1 = deploy ] && ! [ -e {failed} ]; then\n"
        f"  touch {failed}; echo 'Error: {said}' >&2; exit 1\n"
        f'fi\nexec {real} "$@"',
    )
    environ = {
        **setup.fly.environ,
        "PATH": f"{folder}/bin{os.pathsep}{setup.fly.environ['PATH']}",
    }
    steps: list[str] = []

    def take(event: Event) -> None:
        steps.append(str(getattr(event, "phase", "")))

    with FlyApi(environ, policy=QUICK) as api:
        driver = FlyDriver(api, environ, threading.Event(), "acme")
        return driver.deploy(setup.app, setup.image(), take), steps


@pytest.mark.parametrize(
    ("said", "shown"),
    [(LIMITED, "waiting for Fly's rate limit"), (HELD, "waiting for another deploy")],
)
def test_a_failure_that_passes(
    setup: FlyDriverSetup, tmp_path: Path, said: str, shown: str
) -> None:
    """The view says what is waited for, and the second run deploys."""
    now, steps = deploy(setup, tmp_path, said)

    assert now.healthy
    assert shown in steps


def test_any_other_failure(setup: FlyDriverSetup, tmp_path: Path) -> None:
    """It fails at once."""
    with pytest.raises(DeployError) as caught:
        deploy(setup, tmp_path, "no such region")

    assert caught.value.failure.message == "no such region"
