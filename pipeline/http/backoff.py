"""How often, how long and how politely a host is asked again.

One gate per host is shared by all requests to it: when the host says "later", all of them wait,
and a host in real trouble uses up one common allowance of retries instead of three per request.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct

from ..process.wait import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from ..process.wait import Clock

PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that the same request may not meet again a moment later."""


class Policy(Struct, frozen=True):
    """Bounds, in seconds but for `attempts` and `allowance`.

    The pause before attempt n + 1 is `pause` times 2 to the n - 1, give or take a half. `total`
    bounds one request with all its attempts. `allowance` is how many failures a host may have
    beyond its successes before it is not asked again.

    Of one exchange, `connect` bounds each step of connecting, `read` the way to the answer's head
    and each wait for more, and `storing` the way to the answer to a blob, which a registry hashes
    and moves first. A large body must bring 64 KiB in `flow`.
    """

    attempts: int = 3
    pause: float = 0.4
    total: float = 30.0
    allowance: int = 24
    connect: float = 5.0
    read: float = 10.0
    flow: float = 30.0
    storing: float = 300.0


class Gate:
    """Decides when the next request to one host may go. Thread-safe.

    It is open to all, at once, when `closed` is set: whoever goes through finds that out.
    """

    def __init__(self, policy: Policy, closed: Event, clock: Clock | None = None) -> None:
        self.policy = policy
        self.clock = clock or SystemClock(closed)
        self._closed = closed
        self._lock = Lock()
        self._opens = 0.0
        self._allowance = policy.allowance

    def deadline(self) -> float:
        """The moment by which a request that begins now must end."""
        return self.clock.now() + self.policy.total

    def wait(self, deadline: float) -> bool:
        """Stand before the gate until it opens.

        `False`, at once, where it opens after `deadline` alone: then nothing may be sent.
        """
        while not self._closed.is_set():
            left = self.left()
            if left <= 0:
                return True
            if self.clock.now() + left > deadline:
                return False
            # Not all at the same moment: that is what the host asked us not to do.
            self.clock.sleep(left + random.uniform(0, min(0.25, left)))  # noqa: S311
        return True

    def left(self) -> float:
        """Seconds until it opens; none or less where it is open."""
        with self._lock:
            return self._opens - self.clock.now()

    def shut(self, seconds: float) -> bool:
        """Shut for everybody; tells whether it was open, so that it is said once."""
        with self._lock:
            now = self.clock.now()
            was_open = self._opens <= now
            self._opens = max(self._opens, now + seconds)
            return was_open

    def succeeded(self) -> None:
        """An answer came: the host has earned a retry."""
        with self._lock:
            self._allowance = min(self._allowance + 1, self.policy.allowance)

    def may_retry(self) -> bool:
        """A request failed: count it, and say whether the host may be asked again."""
        with self._lock:
            self._allowance = max(self._allowance - 1, 0)
            return self._allowance > 0 and not self._closed.is_set()

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the attempt of that number, with jitter."""
        return self.policy.pause * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `retry-after` of an answer asks for: a number or a date (RFC 9110, 10.2.3).

    A date is of the clock over there, which its `date` tells; ours may be wrong by hours.

    >>> retry_after({"retry-after": "120"})
    120.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, there = _date(text), _date(headers.get("date", ""))
    if until is None:
        return None
    return max((until - (there or now or datetime.now(UTC))).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
