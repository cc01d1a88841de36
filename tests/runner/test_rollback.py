"""Rollback to the previous release, with a driver in memory."""

from __future__ import annotations

import threading

from msgspec.structs import replace

from pipeline.errors import FaultError
from pipeline.model.apps import Running
from pipeline.model.events import silent
from pipeline.model.image import AppSpec
from pipeline.reference import ImageName
from pipeline.runner.rollback import roll_back_with
from tests.console.values import make_image, make_project
from tests.support.memory_driver import MemoryDriver, digest

API = replace(make_image("api"), deploy=AppSpec(("api-1",)))
WEB = replace(make_image("web"), deploy=AppSpec(("web-1", "web-2"), after=(ImageName("api"),)))
PROJECT = make_project(API, WEB)
NAMES = ("api-1", "web-1")


def driver_with_releases() -> MemoryDriver:
    """Return a driver whose apps run their second release."""
    both = [Running(digest(1), "1"), Running(digest(2), "2")]
    return MemoryDriver({name: [*both] for name in ("api-1", "web-1", "web-2")})


def test_apps_roll_back_to_the_previous_release() -> None:
    """The named apps are rolled back in reverse order of `after`; others stay."""
    driver = driver_with_releases()

    ends = roll_back_with(driver, PROJECT, NAMES, silent, threading.Event())

    results = [(r.app, r.status.value, r.release) for r, _ in ends]
    assert results == [("web-1", "rolled-back", "1"), ("api-1", "rolled-back", "1")]
    assert driver.now["web-2"][-1].release == "2"


def test_one_app_that_cannot_be_rolled_back() -> None:
    """One app fails, the others are rolled back."""
    driver = driver_with_releases()
    driver.not_restorable = {"web-1"}

    ends = roll_back_with(driver, PROJECT, NAMES, silent, threading.Event())

    (web, _), (api, _) = ends
    assert (web.status.value, web.reason) == ("failed", "its image was pruned")
    assert web.failure
    assert api.status.value == "rolled-back"


def test_remaining_apps_are_blocked_when_the_user_stops() -> None:
    """Apps not yet rolled back when the user stops are blocked."""
    driver, stop = driver_with_releases(), threading.Event()
    stop.set()

    ends = roll_back_with(driver, PROJECT, NAMES, silent, stop)

    assert [result.status.value for result, _ in ends] == ["blocked", "blocked"]
    assert not driver.calls


def test_a_bug_in_one_rollback() -> None:
    """A bug in the driver fails one app's rollback, not the others'."""
    driver = driver_with_releases()

    def raises(app: str) -> None:
        if app == "web-1":
            raise ZeroDivisionError

    driver.on_rollback = raises

    (web, error), (api, _) = roll_back_with(driver, PROJECT, NAMES, silent, threading.Event())

    assert (web.status.value, api.status.value) == ("failed", "rolled-back")
    assert isinstance(error, FaultError)
