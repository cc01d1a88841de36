"""What apps run, from a driver that cannot read all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import UnknownError
from pipeline.model.apps import App, Running
from pipeline.model.image import AppSpec
from pipeline.model.status import Orphan
from pipeline.reference import ImageName
from pipeline.runner.status import AT_ONCE, ask, orphans_of
from tests.console.values import make_image, make_project
from tests.support.memory_driver import PlainDriver, digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APPS = [App(f"web-{n}", ImageName("web")) for n in range(3 * AT_ONCE)]
NOW = Running(digest(1), "1")
HERE = Path("/here")


class HidingDriver(PlainDriver):
    """A driver that fails the whole query if it contains a hidden app."""

    def __init__(self, hidden: set[str]) -> None:
        super().__init__({app.name: [NOW] for app in APPS})
        self.hidden = hidden

    def running(self, apps: Sequence[App], /) -> Mapping[str, Running | None]:
        """Return what runs, or raise if one app is hidden."""
        with self.lock:
            self.calls.append(",".join(app.name for app in apps))
        for app in apps:
            if app.name in self.hidden:
                raise UnknownError(f"`{app.name}` is of another organization")
        return super().running(apps)


class LabellingDriver(PlainDriver):
    """A driver that knows the folder of each app's project, as the driver `docker` does."""

    def deployed_from(self, root: Path, /) -> Mapping[str, Running]:
        """Return all apps for the one project, nothing for another."""
        return {app: now[-1] for app, now in self.now.items()} if root == HERE else {}


@pytest.mark.parametrize(
    ("spec", "root", "orphans"),
    [
        (AppSpec(apps=("web", "old")), HERE, []),
        (AppSpec(apps=("web",)), HERE, ["old"]),
        (AppSpec(apps=("web",)), Path("/there"), []),
        (AppSpec(apps=(), pending="command:./apps"), HERE, []),
    ],
    ids=["all known", "taken out", "another project", "names not known"],
)
def test_orphans(spec: AppSpec, root: Path, orphans: list[str]) -> None:
    """Apps that the project deployed and has no more, if the names of all its apps are known."""
    driver = LabellingDriver({"old": [NOW], "web": [NOW]})
    image = replace(make_image("web", app=True), deploy=spec)
    project = replace(make_project(image), root=root)

    assert orphans_of(project, driver) == tuple(Orphan(app, NOW) for app in orphans)
    assert orphans_of(project, PlainDriver({"old": [NOW]})) == ()


def test_all_apps_are_read_by_one_query() -> None:
    """Without a failure all apps are read by one query."""
    driver = HidingDriver(set())

    assert dict(ask(driver, APPS)) == {app.name: NOW for app in APPS}
    assert len(driver.calls) == 1


def test_a_hidden_app_hides_no_other() -> None:
    """The hidden app is unknown, with its reason; the others are known."""
    found = ask(HidingDriver({"web-7"}), APPS)

    lost = {name: answer for name, answer in found.items() if answer != NOW}
    assert [(name, str(error)) for name, error in lost.items()] == [
        ("web-7", "`web-7` is of another organization")
    ]


def test_an_unreachable_driver_is_not_queried_for_each_app() -> None:
    """After a round without any answer the remaining apps are not queried; all are reported."""
    driver = HidingDriver({app.name for app in APPS})

    found = ask(driver, APPS)

    assert len(found) == len(APPS)
    assert all(isinstance(answer, UnknownError) for answer in found.values())
    assert len(driver.calls) == 1 + AT_ONCE
