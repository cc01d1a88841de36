"""If flyctl succeeds, the machines still must run that release and image."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.errors import DeployError
from pipeline.deploy.fly.driver import FlyDriver
from pipeline.deploy.protocol import RollbackDriver
from pipeline.fly.api import FlyApi
from pipeline.model.events import silent
from tests.support.fake_programs import write_program
from tests.support.fly_driver_setup import QUICK, TOML, FlyDriverSetup, open_fly_driver_setup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model.apps import Running
    from pipeline.reference import Reference

SAYS = "fly v0.4.87 linux/amd64 Commit: a"


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[FlyDriverSetup]:
    """Deploy an app, and change its configuration."""
    with open_fly_driver_setup(tmp_path) as opened:
        opened.deploy(opened.image())
        opened.write(TOML.replace("blue", "red"))
        yield opened


def deployed(setup: FlyDriverSetup, image: Reference, printed: str) -> Running:
    """Deploy with a flyctl that only prints something."""
    script = f"if [ $1 = version ]; then echo '{SAYS}'; else echo '{printed}'; fi"
    path = write_program(setup.folder / "bin" / "flyctl", script).parent
    environ = {**setup.fly.environ, "PATH": f"{path}:{setup.fly.environ['PATH']}"}
    with FlyApi(environ, policy=QUICK) as api:
        driver = FlyDriver(api, environ, threading.Event(), "acme", well=0.0)
        return driver.deploy(setup.app, image, silent)


def test_a_release_that_reached_no_machine(setup: FlyDriverSetup) -> None:
    """With the same image, only the release number shows it."""
    with pytest.raises(DeployError, match=r"machine \w+ is not of release 2"):
        deployed(setup, setup.image(), '{"id":"r2","version":2}')
    with pytest.raises(DeployError, match="but the machines run `sha256"):
        deployed(setup, setup.image("v2"), '{"id":"r2","version":2}')


def test_a_release_that_flyctl_does_not_print(setup: FlyDriverSetup) -> None:
    """Without a stamp the next run compares the configuration again."""
    for printed in ("", '{"id":"r2","vers', '{"id":"r2","version":{}}', "[]"):
        assert deployed(setup, setup.image(), printed).stamp is None
    assert setup.running().differs == ("`[env] COLOUR`",)


def test_a_previous_release_without_an_image(setup: FlyDriverSetup) -> None:
    """There is no image to give to flyctl."""
    web = setup.fly.apps["web"]
    web.releases.append(replace(web.releases[-1], id="r2", version=2))
    web.releases[0].image_ref = "--config=/etc/passwd"
    with setup.driver() as driver:
        assert isinstance(driver, RollbackDriver)
        with pytest.raises(DeployError, match=r"release 1 ran `.*`, which is not an image"):
            driver.rollback(setup.app, silent)
