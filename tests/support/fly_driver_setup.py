"""The driver `fly` on a fake Fly with one app, without builds."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.deploy.fly.driver import FlyDriver
from pipeline.fly.api import FlyApi
from pipeline.http.retry import Policy
from pipeline.model.apps import App
from pipeline.model.events import silent
from pipeline.model.stamp import Revision
from pipeline.project.app_files import read_configuration
from pipeline.reference import Digest, ImageName, Reference, parse_reference
from tests.support.fly import fake_fly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.deploy.protocol import Driver
    from pipeline.model.apps import Running
    from pipeline.model.events import Reporter
    from tests.support.fly import FakeFly

QUICK = Policy(attempts=2, pause=0.01, total=5.0, connect=1.0, read=2.0)
REVISION = Revision("1f2e3d4c5b" * 4, ("a1b2c3d4e5", "f6a7b8c9d0"))
TOML = """\
app = "web"
[env]
COLOUR = "blue"
[http_service]
internal_port = 8080
"""


@contextmanager
def open_fly_driver_setup(folder: Path) -> Iterator[FlyDriverSetup]:
    """Start a fake Fly with the app `web`, which has a `fly.toml` and was never deployed."""
    with fake_fly(folder / "fly") as fly:
        fly.create_app("web")
        opened = FlyDriverSetup(fly, folder)
        opened.write(TOML)
        yield opened


@dataclass(frozen=True, slots=True)
class FlyDriverSetup:
    """A fake Fly with the app `web`, and the folder of its `fly.toml`."""

    fly: FakeFly
    folder: Path

    @property
    def app(self) -> App:
        """Return the app as the project reads it now."""
        file = self.folder / "fly.toml"
        configuration = read_configuration(self.folder, file)
        name = ImageName("web")
        return App("web", name, file, configuration=configuration, revision=REVISION)

    @contextmanager
    def driver(self) -> Iterator[Driver]:
        """Open the driver with an org token and short timeouts."""
        with FlyApi(self.fly.environ, policy=QUICK) as api:
            yield FlyDriver(api, self.fly.environ, threading.Event(), "acme")

    def image(self, tag: str = "v1") -> Reference:
        """Push an image and return its reference with a digest."""
        reference = parse_reference(self.fly.push("web", tag))
        return reference.at(Digest(self.fly.images.tags["web", tag]))

    def write(self, text: str, name: str = "fly.toml") -> None:
        """Write a file into the app's folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def deploy(self, image: Reference, report: Reporter = silent) -> Running:
        """Deploy with the driver, as a run does."""
        with self.driver() as opened:
            return opened.deploy(self.app, image, report)

    def running(self) -> Running:
        """Return what runs, as the next run reads it."""
        with self.driver() as opened:
            found = opened.running([self.app])["web"]
        assert found
        return found

    def fly_deploy(self, image: Reference, *more: str) -> None:
        """Run `fly deploy` by hand, as a user may."""
        words = ["fly", "deploy", "--image", f"{image.repository}@{image.digest}", *more]
        subprocess.run(
            words, cwd=self.folder, env=self.fly.environ, check=True, capture_output=True
        )
