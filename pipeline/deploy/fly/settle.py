"""Wait until an app's machines are healthy and run what flyctl deployed; explain it if not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ...fly.values import number_of
from ...model.events import AppChanged
from ...model.report import Failure
from ...process.wait import wait_until
from ..durations import seconds
from ..errors import DeployError
from .running import running_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from ...fly.flyctl import FlyctlResult
    from ...fly.values import Machine
    from ...model.apps import App, Running
    from ...model.events import Reporter

WELL = 60.0
"""Seconds that machines may take to be healthy after flyctl saw them so."""
PAUSE = 2.0
"""Seconds between two looks at the machines."""
_HEALTH = ("health check", "smoke check")
"""Words of flyctl about machines that start and do not become healthy."""


class Deployed(Struct, frozen=True):
    """What flyctl deployed: the digest of the image, if that is known, and how it ended."""

    app: App
    digest: str
    ended: FlyctlResult

    @property
    def patience(self) -> object:
        """The value of `wait_timeout`, the time that flyctl waits, too."""
        deploy = self.app.configuration.data.get("deploy")
        return deploy.get("wait_timeout") if isinstance(deploy, dict) else None


def wait_until_settled(
    ask: Callable[[], Sequence[Machine]],
    made: Deployed,
    report: Reporter,
    *,
    stop: threading.Event,
    otherwise: float = WELL,
    pause: float = PAUSE,
) -> tuple[Running, Sequence[Machine]]:
    """Wait until the machines run what was deployed; return that, and the machines.

    Looks every `pause` seconds. Waits for the `wait_timeout` of the app, for `otherwise` without
    one, and no longer for a machine that crashed and that Fly does not restart. Raises
    `DeployError` if they do not run it.
    """
    app, patience, began = made.app.name, seconds(made.patience, otherwise), time.monotonic()
    report(AppChanged(app, "checking"))

    def look() -> tuple[Running | None, Sequence[Machine]]:
        machines = ask()
        now = running_of(app, machines)
        if now and now.trouble:
            spent = time.monotonic() - began
            report(AppChanged(app, "checking", f"{now.trouble}, {spent:.0f} of {patience:g} s"))
        return now, machines

    def is_decided(found: tuple[Running | None, Sequence[Machine]]) -> bool:
        now, machines = found
        if now is None or not now.healthy:
            return now is None or any(one.serves and one.has_given_up for one in machines)
        return _is_other(now, made.digest) or not _behind(machines, made.ended)

    now, found = wait_until(look, is_decided, timeout=patience, stop=stop, pause=pause)
    if now is None:
        raise DeployError(_nothing(found, made.ended))
    if not now.healthy:
        failure = Failure("health check", now.trouble, log=made.ended.lines)
        raise DeployError(failure, hint=_logs(app))
    if wrong := _wrong(now, found, made):
        raise DeployError(_unlike(wrong, made.ended))
    return replace(now, release=made.ended.release or now.release), found


def flyctl_error(app: str, ended: FlyctlResult, *, stopped: bool) -> DeployError:
    """Return the error for a run of flyctl that failed, or that was `stopped`."""
    message = "interrupted while it was deployed" if stopped else ended.message
    return DeployError(
        Failure("fly deploy", message, log=ended.lines), hint="" if stopped else _hint(app, ended)
    )


def _hint(app: str, ended: FlyctlResult) -> str:
    if ended.image_is_missing:
        return (
            "Fly prunes images that no machine uses: run again, and missing images are built; "
            "`invoke keep` keeps images in use"
        )
    return _logs(app) if any(words in ended.message for words in _HEALTH) else ""


def _logs(app: str) -> str:
    """Return a hint that is true also for the first release, before which nothing ran."""
    return f"`fly logs --app {app}` shows what its machines print, `invoke status` what they run"


def _behind(machines: Sequence[Machine], ended: FlyctlResult) -> str:
    """Return a machine of an older release than the one that flyctl made; empty without one."""
    made = number_of(ended.release)
    if made is None:
        return ""
    numbers = ((one.id, number_of(one.release)) for one in machines if one.serves)
    return next((name for name, number in numbers if number is not None and number < made), "")


def _is_other(now: Running, digest: str) -> bool:
    """Return whether an app runs another image than the one of `digest`, if that is known."""
    return digest not in ("", str(now.digest))


def _nothing(machines: Sequence[Machine], ended: FlyctlResult) -> Failure:
    silent = any(machine.serves for machine in machines)
    why = "Fly does not say what its machines run" if silent else "the app has no machine"
    return _unlike(why, ended)


def _wrong(now: Running, machines: Sequence[Machine], made: Deployed) -> str:
    """Return how healthy machines differ from what was deployed; empty if they do not."""
    if _is_other(now, made.digest):
        return f"the machines run `{now.digest}` instead of `{made.digest}`"
    behind = _behind(machines, made.ended)
    return f"machine {behind} is not of release {made.ended.release}" if behind else ""


def _unlike(why: str, ended: FlyctlResult) -> Failure:
    return Failure("fly deploy", f"flyctl succeeded, but {why}", log=ended.lines)
