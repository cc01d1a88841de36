"""Limits of time and memory for an input, in the campaign only: no test measures time."""

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
"""CPU seconds, which do not depend on other programs."""
KIB = 200 << 10
"""Maximal growth of memory in bytes."""


class TooLongError(BaseException):
    """An input takes too long. Not an `Exception`, so that no handler stops it."""


def judge_within_limits(target: Target, data: bytes) -> Find | None:
    """Judge an input, including its time and memory."""
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
