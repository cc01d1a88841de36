"""How long a deploy waits for machines after flyctl succeeded, and what it says if they are ill."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.errors import DeployError
from pipeline.deploy.fly.settle import Deployed, flyctl_error, wait_until_settled
from pipeline.fly.flyctl import FlyctlResult
from pipeline.fly.values import Machine, machine_of
from pipeline.model.apps import App
from pipeline.model.configuration import Configuration
from pipeline.model.events import AppChanged
from pipeline.reference import ImageName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model.events import Event

DIGEST = f"sha256:{'a' * 64}"
ILL = "check `http` of machine 148e is critical"
LOGS = "`fly logs --app acme-web` shows what its machines print, `invoke status` what they run"


def machine(
    state: str = "started", *, check: str = "passing", exited: dict[str, object] | None = None
) -> Machine:
    """Return a machine of release 3 with one check; `exited` is how its process ended."""
    events = [{"type": "exit", "request": {"exit_event": exited}}] if exited else []
    metadata = {"fly_platform_version": "v2", "fly_release_version": "3"}
    return machine_of(
        {
            "id": "148e",
            "state": state,
            "image_ref": {"digest": DIGEST},
            "config": {"metadata": metadata},
            "checks": [{"name": "http", "status": check}],
            "events": events,
        }
    )


def deployed(wait_timeout: str = "") -> Deployed:
    """Return a successful deploy of release 3, whose `fly.toml` may have a `wait_timeout`."""
    data = {"deploy": {"wait_timeout": wait_timeout}} if wait_timeout else {}
    app = App("acme-web", ImageName("web"), configuration=Configuration(data))
    return Deployed(app, DIGEST, FlyctlResult(0, ("a line",), "3"))


def settle(
    looks: Sequence[Sequence[Machine]], made: Deployed, otherwise: float
) -> tuple[str, list[str], int]:
    """Wait; return the error with its hint, the reasons that are shown, and how often it looked.

    The last look is repeated.
    """
    left, reasons, count = list(looks), [], 0

    def ask() -> Sequence[Machine]:
        nonlocal count
        count += 1
        return left.pop(0) if len(left) > 1 else left[0]

    def report(event: Event, /) -> None:
        assert isinstance(event, AppChanged)
        reasons.append(event.reason)

    try:
        stop = threading.Event()
        wait_until_settled(ask, made, report, stop=stop, otherwise=otherwise, pause=0.01)
    except DeployError as error:
        return f"{error.message}; {error.hint}", reasons, count
    return "", reasons, count


def test_healthy_machines_are_asked_for_once() -> None:
    """Without a reason to show."""
    assert settle([[machine()]], deployed(), 60) == ("", [""], 1)


def test_a_failing_check_is_shown_and_waited_for() -> None:
    """With the seconds that are waited for: those of `wait_timeout`, else the usual ones."""
    looks = [[machine(check="critical")], [machine()]]

    assert settle(looks, deployed(), 60) == ("", ["", f"{ILL}, 0 of 60 s"], 2)
    assert settle(looks, deployed("1m30s"), 60) == ("", ["", f"{ILL}, 0 of 90 s"], 2)


@pytest.mark.parametrize("made", [deployed(), deployed("0s")], ids=["usual", "wait_timeout"])
def test_a_check_that_fails_to_the_end(made: Deployed) -> None:
    """The hint is also true for a first release: it promises nothing that runs."""
    error, reasons, count = settle([[machine(check="critical")]], made, 0)

    assert error == f"{ILL}; {LOGS}"
    assert (reasons, count) == (["", f"{ILL}, 0 of 0 s"], 1)


@pytest.mark.parametrize(
    ("exited", "looks"),
    [
        ({"exit_code": 7, "restarting": False}, 1),
        ({"exit_code": 7, "restarting": True}, 2),
        ({"exit_code": 7}, 2),
        ({"exit_code": 0, "restarting": False}, 1),
        ({"exit_code": 7, "restarting": False, "requested_stop": True}, 1),
    ],
    ids=["given up", "restarting", "not said", "ended well", "asked to stop"],
)
def test_a_machine_that_crashed(exited: dict[str, object], looks: int) -> None:
    """A deploy fails at once where Fly does not restart it, and waits where it may."""
    crashed = machine("stopped", exited=exited)
    error, _, count = settle([[crashed], [machine()]], deployed(), 60)

    fails = crashed.has_given_up
    assert count == looks
    assert error == (f"machine 148e ended with 7; {LOGS}" if fails else "")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("timeout reached waiting for health checks to pass", LOGS),
        ("smoke checks for 148e failed: the app appears to be crashing", LOGS),
        ("no such organization", ""),
        ("could not find image", "Fly prunes images"),
    ],
)
def test_the_hint_for_a_failed_flyctl(line: str, hint: str) -> None:
    """Where machines are ill, their logs say why; an interruption needs no explanation."""
    ended = FlyctlResult(1, (f"Error: {line}",))
    error = flyctl_error("acme-web", ended, stopped=False)

    assert error.message == line
    assert error.hint.startswith(hint)
    assert bool(error.hint) == bool(hint)
    assert flyctl_error("acme-web", ended, stopped=True).hint == ""
