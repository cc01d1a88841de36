"""Retry an operation after a transient failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..model.events import Notice
from .wait import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from ..model.events import Reporter
    from .wait import Clock

T = TypeVar("T")

ATTEMPTS = 3
_PAUSE = 1.0
"""Seconds before the second attempt; twice as many before the third."""


def retry(
    operation: Callable[[], T],
    transient: Callable[[T], str],
    report: Reporter,
    stop: Event,
    clock: Clock | None = None,
) -> T:
    """Run `operation` until it does not fail transiently; return its last result.

    `transient` returns why another attempt may succeed, and an empty text for a result that is
    final. There are at most `ATTEMPTS`, each after the first is reported as a `Notice`, and none
    begins after `stop` is set.
    """
    clock = clock or SystemClock(stop)
    for attempt in range(1, ATTEMPTS):
        outcome = operation()
        why = transient(outcome)
        if not why or stop.is_set():
            return outcome
        report(Notice(f"{why}: trying again"))
        clock.sleep(attempt * _PAUSE)
        if stop.is_set():
            return outcome
    return operation()
