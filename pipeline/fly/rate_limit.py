"""Keep to the rate limits of Fly's Machines API.

It allows one request a second for each action on each app or machine, in bursts of three; getting
one machine five a second, in bursts of ten (superfly/docs `machines/api/`, "Rate Limits"). Who
keeps to that gets no 429, and sends no request twice.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..process.wait import Clock

GET_MACHINE = "get machine"
_DEFAULT = (1.0, 3.0)
_RATES = {GET_MACHINE: (5.0, 10.0)}
"""Requests per second, and how many at once."""
_MARGIN = 0.05
"""Seconds: our clock and Fly's do not start together."""


class RateLimit:
    """A token bucket for each action on each subject. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def wait(self, action: str, subject: str) -> None:
        """Wait until the action is allowed; return at once when the user wants to stop."""
        if pause := self._take(action, subject):
            self._clock.sleep(pause)

    def _take(self, action: str, subject: str) -> float:
        """Take the next token; return in how many seconds it is valid."""
        rate, burst = _RATES.get(action, _DEFAULT)
        with self._lock:
            now = self._clock.now()
            left, since = self._buckets.get((action, subject), (burst, now))
            left = min(burst, left + (now - since) * rate) - 1
            self._buckets[action, subject] = (left, now)
        return 0.0 if left >= 0 else -left / rate + _MARGIN
