"""One image, one machine: added, moved, or as it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from ..fly.errors import FlyError
from ..fly.queries import machines_of
from ..fly.retention import add_keeper, move_keeper, since, slot_of
from ..model.fly_apps import SPREAD
from ..model.keep import KeepStatus, Kept

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from ..errors import UnknownError
    from ..fly.api import FlyApi
    from ..fly.values import Machine
    from ..model.keep import Slot
    from ..reference import Reference

_AGAIN = 2.0
_EXISTS = 409
_WRONG = frozenset({400, 409, 412, 422})
"""Statuses that say that what was asked cannot be, and not that nothing was found out."""


class Tying(Struct, frozen=True):
    """Fly's API, and the user's wish to stop."""

    api: FlyApi
    stop: threading.Event


def tied(tying: Tying, machines: Sequence[Machine], slot: Slot, image: Reference) -> Kept:
    """How the slot's machine, one of `machines` or a new one, came to keep `image`."""
    mine = _mine(machines, slot)
    if mine and mine.digest == image.digest:
        return row(slot, KeepStatus.KEPT, image, mine)
    if tying.stop.is_set():
        return Kept(slot, KeepStatus.FAILED, image, reason="interrupted before it was kept")
    try:
        return _changed(tying, mine, slot, image)
    except FlyError as error:
        trouble = error
    if not mine and trouble.status == _EXISTS:
        # Another run has added it meanwhile.
        machines = machines_of(tying.api, slot.app)
        if _mine(machines, slot):
            return tied(tying, machines, slot, image)
    return failed(slot, trouble, image)


def row(slot: Slot, status: KeepStatus, image: Reference | None, machine: Machine) -> Kept:
    """A slot that has a machine."""
    return Kept(slot, status, image, machine.id, since(machine))


def failed(slot: Slot, error: UnknownError, image: Reference | None = None) -> Kept:
    """A slot that came to nothing."""
    unknown = getattr(error, "status", 0) not in _WRONG
    status, why = KeepStatus.FAILED, error.message
    return Kept(slot, status, image, reason=why, hint=error.hint, unknown=unknown)


def _changed(tying: Tying, mine: Machine | None, slot: Slot, image: Reference) -> Kept:
    if mine:
        moved = _patiently(tying, lambda: move_keeper(tying.api, slot, mine, image))
        return row(slot, KeepStatus.MOVED, image, moved)
    added = _patiently(tying, lambda: add_keeper(tying.api, slot, image))
    return row(slot, KeepStatus.ADDED, image, added)


def _mine(machines: Sequence[Machine], slot: Slot) -> Machine | None:
    ours = ((slot_of(slot.app, machine), machine) for machine in machines)
    return next((m for found, m in ours if found and found.is_one_with(slot)), None)


def _patiently(tying: Tying, change: Callable[[], Machine]) -> Machine:
    """Wait out that Fly does not find yet what the registry has: it was pushed a moment ago."""
    end = time.monotonic() + SPREAD
    while True:
        try:
            return change()
        except FlyError as error:
            spreading = "MANIFEST_UNKNOWN" in error.message and time.monotonic() < end
            if not spreading or tying.stop.wait(_AGAIN):
                raise
