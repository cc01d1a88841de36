"""Wait for a condition, on a clock that a test can turn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

T = TypeVar("T")


class Clock(Protocol):
    """Read the time and let it pass, in seconds."""

    def now(self) -> float:
        """Return the seconds since an arbitrary beginning."""

    def sleep(self, seconds: float) -> None:
        """Wait; return early once the user wants to stop."""


class SystemClock(Struct, frozen=True):
    """The clock of this machine. `sleep` returns early when `stop` is set."""

    stop: Event

    def now(self) -> float:
        """Return `time.monotonic()`, so that deadlines can be compared with those of sockets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, or until `stop` is set."""
        self.stop.wait(seconds)


def wait_until(  # noqa: PLR0913 - by name, most with a default
    check: Callable[[], T],
    done: Callable[[T], bool] = bool,
    *,
    timeout: float,
    stop: Event,
    pause: float = 0.2,
    longest: float = 0.0,
    clock: Clock | None = None,
) -> T:
    """Call `check` until `done` accepts its result; return the last result, accepted or not.

    `check` is called at once, and once more at the end of `timeout`, unless it was done before.
    Between two calls is a `pause`, which doubles each time up to `longest`. All are in seconds.
    Nothing is called after `stop` is set; by that a caller can tell an interruption from a timeout.

    >>> from threading import Event
    >>> states = iter(["created", "starting", "started"])
    >>> wait_until(lambda: next(states), "started".__eq__, timeout=9, stop=Event(), pause=0)
    'started'
    """
    clock = clock or SystemClock(stop)
    end = clock.now() + timeout
    while True:
        found = check()
        left = end - clock.now()
        if done(found) or left <= 0 or stop.is_set():
            return found
        clock.sleep(min(pause, left))
        if stop.is_set():
            return found
        pause = max(pause, min(2 * pause, longest))
