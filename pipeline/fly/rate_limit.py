"""How often Fly may be asked for the same thing.

Its Machines API allows one request a second for each action on each app or machine, three at once;
getting one machine five a second, ten at once (superfly/docs `machines/api/`, "Rate Limits"). Who
keeps to that is not refused, so that no answer has to be asked for twice.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..process.wait import Clock

GET_MACHINE = "get machine"
_USUAL = (1.0, 3.0)
_RATES = {GET_MACHINE: (5.0, 10.0)}
_SPARE = 0.05
"""Seconds: the two clocks, ours and Fly's, do not start together."""


class Pace:
    """Buckets of permissions, one for each action on each subject. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def wait(self, action: str, subject: str) -> None:
        """Return when the action may be asked for; at once when the user wishes to stop."""
        if pause := self._booked(action, subject):
            self._clock.sleep(pause)

    def _booked(self, action: str, subject: str) -> float:
        """Take the next permission, and say in how many seconds it counts."""
        rate, burst = _RATES.get(action, _USUAL)
        with self._lock:
            now = self._clock.now()
            left, since = self._buckets.get((action, subject), (burst, now))
            left = min(burst, left + (now - since) * rate) - 1
            self._buckets[action, subject] = (left, now)
        return 0.0 if left >= 0 else -left / rate + _SPARE
