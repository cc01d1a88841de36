"""The stamp that the driver `fly` leaves in machines' metadata: when it is there, and believed."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pipeline.core.apps import App
from pipeline.core.configuration import Configuration
from pipeline.core.events import Notice, silent
from pipeline.core.reference import Digest, ImageName, Reference, parse_reference
from pipeline.core.stamp import Revision
from pipeline.edge.deploy.fly import open_driver
from pipeline.edge.registry import credentials
from tests.support.fly import FlyStandIn, fly_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.core.apps import Driver, Running
    from pipeline.core.events import Event

REVISION = Revision("1f2e3d4c5b" * 4, ("a1b2c3d4e5", "f6a7b8c9d0"))
TOML = 'app = "web"\n[http_service]\ninternal_port = 8080\n'


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[FlyStandIn]:
    """A Fly with the app `web`."""
    with fly_stand_in(tmp_path / "fly") as running:
        running.create_app("web")
        yield running


@pytest.fixture
def app(tmp_path: Path) -> App:
    """The app as a project has it."""
    file = tmp_path / "fly.toml"
    file.write_text(TOML)
    configuration = Configuration({"http_service": {"internal_port": 8080}})
    return App("web", ImageName("web"), file, configuration=configuration, revision=REVISION)


@contextmanager
def driver(fly: FlyStandIn) -> Iterator[Driver]:
    """The driver with the organization's token."""
    environ = fly.environ
    with open_driver(environ, credentials(environ), threading.Event(), "acme") as opened:
        yield opened


def image(fly: FlyStandIn, tag: str) -> Reference:
    """An image that the registry has, pinned."""
    reference = parse_reference(fly.push("web", tag))
    return reference.at(Digest(fly.images.tags["web", tag]))


def now(fly: FlyStandIn, app: App) -> Running:
    """What runs, as a next run sees it."""
    with driver(fly) as opened:
        found = opened.running([app])["web"]
    assert found
    return found


def by_hand(fly: FlyStandIn, app: App, what: Reference) -> None:
    """Somebody's own `fly deploy`."""
    words = ["fly", "deploy", "--image", f"{what.repository}@{what.digest}", "--config"]
    subprocess.run([*words, str(app.config)], env=fly.environ, check=True, capture_output=True)


def test_a_deploy_leaves_a_stamp_that_the_list_of_machines_shows(fly: FlyStandIn, app: App) -> None:
    """On every machine; to see it, nothing is asked besides the list."""
    made = image(fly, "v1")
    with driver(fly) as opened:
        done = opened.deploy(app, made, silent)
    versions = [machine.instance_id for machine in fly.apps["web"].alive]
    asked = len(fly.requests)
    found = now(fly, app)

    assert made.digest
    assert len(versions) == 2
    assert found.stamp == done.stamp == app.stamp(made.digest, "1")
    assert app.stamp(made.digest, "1").revision == REVISION
    assert [one.path for one in fly.requests[asked:]] == ["/v1/apps/web/machines"]
    assert versions == [machine.instance_id for machine in fly.apps["web"].alive]


def test_somebodys_own_deploy_carries_it_along_and_it_is_not_believed(
    fly: FlyStandIn, app: App
) -> None:
    """Of the same image even: it was written with another release."""
    made = image(fly, "v1")
    with driver(fly) as opened:
        opened.deploy(app, made, silent)
    by_hand(fly, app, made)

    assert all("pipeline_stamp" in m.config["metadata"] for m in fly.apps["web"].alive)
    assert now(fly, app).stamp is None
    with driver(fly) as opened:
        opened.deploy(app, made, silent)
    assert made.digest
    assert now(fly, app).stamp == app.stamp(made.digest, "3")


def test_machines_that_do_not_agree_have_none(fly: FlyStandIn, app: App) -> None:
    """One of two has another text, or none."""
    with driver(fly) as opened:
        opened.deploy(app, image(fly, "v1"), silent)
    metadata = fly.apps["web"].alive[0].config["metadata"]
    metadata["pipeline_stamp"] = metadata["pipeline_stamp"].replace("a1b2c3d4e5", "a1b2c3d4e6")
    assert now(fly, app).stamp is None
    del metadata["pipeline_stamp"]
    assert now(fly, app).stamp is None


def test_a_stamp_that_cannot_be_written_is_told_and_the_deploy_is_well(
    fly: FlyStandIn, app: App
) -> None:
    """The next run asks once more."""
    fly.knobs.metadata_down = True
    told: list[Event] = []
    with driver(fly) as opened:
        done = opened.deploy(app, image(fly, "v1"), told.append)

    assert done.healthy
    assert done.stamp is None
    (notice,) = [event.text for event in told if isinstance(event, Notice)]
    assert notice.startswith("what `web` was deployed with could not be noted at Fly")
    assert now(fly, app).stamp is None
