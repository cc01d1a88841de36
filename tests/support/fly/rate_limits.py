"""The rate limits of the Machines API (superfly/docs `machines/api/`, "Rate Limits").

One request a second for each action on each machine or app, with a burst of three. Getting a
machine: five a second, with a burst of ten. Deleting apps: a hundred a minute.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.fly.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fly.state import Knobs

RATES = {"get machine": (5.0, 10.0), "delete app": (100 / 60, 100.0)}
USUAL = (1.0, 3.0)
SHARED = {"delete app"}


@dataclass(slots=True)
class RateLimits:
    """Token buckets, by action and by what it is done to."""

    knobs: Knobs
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """Remaining requests, and when they were counted."""
    now: Callable[[], float] = time.monotonic
    """The clock, in seconds."""

    def take(self, action: str, subject: str) -> None:
        """Count a request.

        Raises:
            RefusedError: 429; the request is not executed.

        """
        if not self.knobs.rate_limits:
            return
        rate, burst = RATES.get(action, USUAL)
        key = (action, "" if action in SHARED else subject)
        with self.lock:
            moment = self.now()
            left, since = self.buckets.get(key, (burst, moment))
            left = min(burst, left + (moment - since) * rate)
            self.buckets[key] = (max(left - 1, 0) if left >= 1 else left, moment)
            if left < 1:
                self.refused += 1
                raise RefusedError(429, "rate limit exceeded")
