"""The time limits of one HTTP exchange, which no slow server can stretch.

A socket's timeout is for one read or write, so what comes byte by byte would never end. Each call
of a socket asks a `Timeouts` object how long it may still wait. A body that may be large has no
deadline; it must flow instead.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .retry import Policy

LEAST = 1 << 16
"""Bytes that a large body must bring, or take, in `Policy.flow` seconds of waiting for it."""
_HEAD = 1 << 17
"""Bytes of the head of a response, with 1xx responses before it: no server sends half as much."""


class SlowError(TimeoutError):
    """A body is sent or taken byte by byte; the text goes on after the name of the host."""


class EndlessHeadError(ConnectionError):
    """A response does not begin; the text goes on after the name of the host."""


class Timeouts:
    """The limits of one request and its response. For one thread.

    Both end by `until`, a time of `time.monotonic`. The head of the response is due `Policy.read`
    seconds after the last byte was sent, or `Policy.storing` where what was sent is `stored`. After
    the head, `ends_in` sets another end for the body.
    """

    def __init__(self, policy: Policy, *, until: float = math.inf, stored: bool = False) -> None:
        self._policy = policy
        self._until = until
        self._for_head = policy.storing if stored else policy.read
        self._head_size = 0
        self.has_head = False
        self.latency = math.inf
        """Seconds from the last write to the head of the response."""
        self._sent = self._wrote_from = time.monotonic()
        self._waited = 0.0
        self._flowed = 0

    def to_connect(self) -> float:
        """Return the seconds for one step of connecting. Raises `OSError`."""
        return self._left(self._policy.connect)

    def to_write(self) -> float:
        """Return the seconds for one write. Raises `OSError`."""
        return self._left(self._policy.read)

    def to_read(self) -> float:
        """Return the seconds for one read. Raises `OSError`."""
        if self.has_head:
            return self._left(self._policy.read)
        if self._head_size > _HEAD:
            raise EndlessHeadError("sends headers without an end, and no response")
        head_by = self._sent + self._for_head
        return self._left(head_by - time.monotonic())

    def wrote(self, size: int, seconds: float) -> None:
        """Count bytes that a write took, and the seconds that it waited."""
        self._sent = time.monotonic()
        # Not its end: a thread may have to wait for the others before it gets to know of it.
        self._wrote_from = self._sent - seconds
        self._head_size = 0
        self.flowed(size)
        self._wait(seconds)

    def read(self, size: int, seconds: float) -> None:
        """Count bytes of the head, and the seconds that a read waited for a body.

        How many bytes of a body count, is said to `flowed`.
        """
        if self.has_head:
            self._wait(seconds)
        else:
            self._head_size += size

    def head_is_here(self) -> None:
        """Count what comes from now on as the body."""
        self.has_head = True
        self.latency = time.monotonic() - self._wrote_from
        self._waited, self._flowed = 0.0, 0

    def ends_in(self, seconds: float) -> None:
        """Set another end: so many seconds from now."""
        self._until = time.monotonic() + seconds

    def flowed(self, size: int) -> None:
        """Count bytes of a body, without the framing of HTTP."""
        self._flowed += size

    def _wait(self, seconds: float) -> None:
        """Count the time spent waiting for a socket, and not what we do with the bytes."""
        self._waited += seconds
        if self._waited > self._policy.flow:
            if self._until == math.inf and self._flowed < LEAST:
                raise SlowError(f"is too slow: {LEAST >> 10} KiB take over {self._policy.flow:g} s")
            self._waited, self._flowed = 0.0, 0

    def _left(self, most: float) -> float:
        left = min(most, self._until - time.monotonic())
        if left <= 0:
            raise TimeoutError("the time for it is over")
        return left
