"""How long and how much an input may take. For the campaign: no test looks at a clock."""

from __future__ import annotations

import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from tests.fuzz.target import Find, find_of, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.target import Target

SECONDS = 1.0
"""Of processor time: another program that works at the same time does not count."""
KIB = 200 << 10
"""What memory may grow by."""


class TooLongError(BaseException):
    """An input takes longer than it may. No `except Exception` stops it."""


def judge_within_limits(target: Target, data: bytes) -> Find | None:
    """What is wrong with what comes out of a target, with how long it takes, or how much."""
    before = _peak()
    try:
        with _limited(SECONDS):
            found = judge(target, data)
    except TooLongError as error:
        return find_of(error)
    grown = _peak() - before
    return found or (Find("memory", f"{grown >> 10} MiB", "") if grown > KIB else None)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(_number: int, _frame: object) -> NoReturn:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
