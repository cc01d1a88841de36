"""The time that one exchange has: a moment by which it ends, however slowly its bytes come.

It goes down to the sockets as httpcore's timeout, and each call of a socket asks it how long that
may wait: nothing between them can forget it. What may be large, as layers are, has no such moment;
it must flow instead.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from .backoff import Policy

LEAST = 1 << 16
"""Bytes that what may be large must bring, or take, in `Policy.flow` seconds of waiting for it."""
_HEAD = 1 << 17
"""Bytes of a head, with all that a server says before it: none is half as long."""


class SlowError(httpcore.TimeoutException):
    """A body comes, or is taken, byte by byte; its text goes on after whoever it is."""


class EndlessHeadError(httpcore.RemoteProtocolError):
    """A server does not come to its answer; its text goes on after whoever it is."""


class Exchange:
    """One request and its answer, which end by `until`, of `time.monotonic`. For one thread.

    The answer's head is due `Policy.read` seconds after the last byte was sent, or `Policy.storing`
    for one that is `stored`. After it, `ends_in` sets another end for the body.
    """

    def __init__(self, policy: Policy, *, until: float = math.inf, stored: bool = False) -> None:
        self._policy = policy
        self._until = until
        self._patience = policy.storing if stored else policy.read
        self._head_by = time.monotonic() + self._patience
        self._head_came = 0
        self.has_head = False
        self._waited = 0.0
        self._brought = 0

    def to_connect(self) -> float:
        """Seconds for one step of connecting. Raises httpcore's errors where none are left."""
        return self._left(self._policy.connect, httpcore.ConnectTimeout)

    def to_write(self) -> float:
        """Seconds for one write. Raises httpcore's errors."""
        return self._left(self._policy.read, httpcore.WriteTimeout)

    def to_read(self) -> float:
        """Seconds for one read. Raises httpcore's errors."""
        if self.has_head:
            return self._left(self._policy.read, httpcore.ReadTimeout)
        if self._head_came > _HEAD:
            raise EndlessHeadError("talks without an end, and gives no answer")
        return self._left(self._head_by - time.monotonic(), httpcore.ReadTimeout)

    def wrote(self, size: int, seconds: float) -> None:
        """Note bytes that were taken after so many seconds."""
        self._head_by = time.monotonic() + self._patience
        self._head_came = 0
        self.flowed(size)
        self._wait(seconds)

    def read(self, size: int, seconds: float) -> None:
        """Note bytes that came after so many seconds; of a body, `flowed` says how many count."""
        if self.has_head:
            self._wait(seconds)
        else:
            self._head_came += size

    def head_is_here(self) -> None:
        """What comes now is the body."""
        self.has_head = True
        self._waited, self._brought = 0.0, 0

    def ends_in(self, seconds: float) -> None:
        """Set another end: so many seconds from now."""
        self._until = time.monotonic() + seconds

    def flowed(self, size: int) -> None:
        """Note bytes of a body, without what HTTP writes around them."""
        self._brought += size

    def _wait(self, seconds: float) -> None:
        """Count what was waited for a socket: what is done with the bytes meanwhile is ours."""
        self._waited += seconds
        if self._waited > self._policy.flow:
            if self._until == math.inf and self._brought < LEAST:
                raise SlowError(f"is too slow: {LEAST >> 10} KiB take over {self._policy.flow:g} s")
            self._waited, self._brought = 0.0, 0

    def _left(self, most: float, error: type[httpcore.TimeoutException]) -> float:
        left = min(most, self._until - time.monotonic())
        if left <= 0:
            raise error("the time for it is over")
        return left
