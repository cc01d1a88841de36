"""Work that is done again where what stopped it may pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..model.events import Notice

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ..model.events import Reporter

T = TypeVar("T")

ATTEMPTS = 3
_PAUSE = 1.0
"""Seconds before the second attempt; twice as long before the third."""


def again(
    work: Callable[[], T], passing: Callable[[T], str], report: Reporter, stop: threading.Event
) -> T:
    """What came of `work` in the end: it is done until `passing` names no trouble that may pass.

    At most `ATTEMPTS` times, each told; not again once `stop` is set.
    """
    for attempt in range(1, ATTEMPTS):
        outcome = work()
        why = passing(outcome)
        if not why or stop.is_set():
            return outcome
        report(Notice(f"{why}: trying again"))
        if stop.wait(attempt * _PAUSE):
            return outcome
    return work()
