"""Wait for a condition, and retry an operation, with a fake clock."""

from __future__ import annotations

import operator
from threading import Event
from typing import TYPE_CHECKING

import pytest

from pipeline.model.events import Notice
from pipeline.process.retry import retry
from pipeline.process.wait import SystemClock, wait_until
from tests.support.fake_clock import FakeClock

if TYPE_CHECKING:
    from pipeline.model.events import Event as Reported


class RecordedCheck:
    """A check that succeeds at call number `succeeds`, and the time of each call."""

    def __init__(self, clock: FakeClock, succeeds: int) -> None:
        self.clock = clock
        self.succeeds = succeeds
        self.at: list[float] = []

    def __call__(self) -> str:
        """Record the time; return the number of the call once it succeeds."""
        self.at.append(round(sum(self.clock.slept), 3))
        return f"call {len(self.at)}" if len(self.at) >= self.succeeds else ""


@pytest.mark.parametrize(
    ("succeeds", "at", "result"),
    [
        (1, [0], "call 1"),
        (3, [0, 2, 4], "call 3"),
        (9, [0, 2, 4, 5], ""),
    ],
)
def test_a_condition_is_checked_at_once_and_until_the_timeout(
    succeeds: int, at: list[float], result: str
) -> None:
    """The last pause is shortened, so that the last check is at the timeout."""
    clock = FakeClock()
    check = RecordedCheck(clock, succeeds)

    found = wait_until(check, timeout=5, stop=Event(), pause=2, clock=clock)

    assert (check.at, found) == (at, result)


def test_a_pause_doubles_up_to_the_longest() -> None:
    """Long waits check rarely, short ones notice early."""
    clock = FakeClock()

    wait_until(
        RecordedCheck(clock, 6), timeout=99, stop=Event(), pause=0.25, longest=3, clock=clock
    )

    assert clock.slept == [0.25, 0.5, 1, 2, 3]


def test_a_timeout_of_zero_checks_once() -> None:
    """A result is returned in any case."""
    clock = FakeClock()
    check = RecordedCheck(clock, 2)

    assert wait_until(check, timeout=0, stop=Event(), clock=clock) == ""
    assert (check.at, clock.slept) == ([0], [])


def test_the_caller_says_which_result_is_accepted() -> None:
    """Such as the empty error of a health check."""
    wrong = iter(["no answer", "503", "", "unasked"])

    found = wait_until(
        lambda: next(wrong), operator.not_, timeout=99, stop=Event(), clock=FakeClock()
    )

    assert (found, next(wrong)) == ("", "unasked")


class StoppingClock(FakeClock):
    """A clock that sets an event after so many pauses."""

    def __init__(self, stop: Event, pauses: int) -> None:
        super().__init__()
        self.stop = stop
        self.pauses = pauses

    def sleep(self, seconds: float) -> None:
        """Add to the time slept."""
        super().sleep(seconds)
        if len(self.slept) == self.pauses:
            self.stop.set()


@pytest.mark.parametrize("pauses", [1, 2])
def test_nothing_is_checked_once_the_user_wants_to_stop(pauses: int) -> None:
    """The last result is returned, and the event says why."""
    stop = Event()
    clock = StoppingClock(stop, pauses)
    check = RecordedCheck(clock, 9)

    assert wait_until(check, timeout=99, stop=stop, clock=clock) == ""
    assert len(check.at) == pauses


def test_a_real_sleep_is_interrupted() -> None:
    """A sleep of an hour ends at once."""
    stop = Event()
    stop.set()
    clock = SystemClock(stop)
    began = clock.now()

    clock.sleep(3600)

    assert clock.now() - began < 60


@pytest.mark.parametrize(
    ("outcomes", "slept"),
    [
        (["fine"], []),
        (["busy", "fine"], [1]),
        (["busy", "busy", "fine"], [1, 2]),
        (["busy", "busy", "busy"], [1, 2]),
        (["wrong"], []),
        (["busy", "wrong"], [1]),
    ],
)
def test_an_operation_is_retried_after_transient_failures(
    outcomes: list[str], slept: list[float]
) -> None:
    """At most three attempts, after one second and after two; each retry is reported."""
    clock, left = FakeClock(), iter(outcomes)
    reported: list[Reported] = []

    found = retry(lambda: next(left), busy, reported.append, Event(), clock)

    assert (found, clock.slept) == (outcomes[-1], slept)
    assert reported == [Notice("the host is busy: trying again")] * len(slept)
    assert list(left) == []


@pytest.mark.parametrize("pauses", [0, 1])
def test_nothing_is_retried_once_the_user_wants_to_stop(pauses: int) -> None:
    """Neither before the pause nor after it."""
    stop, outcomes = Event(), iter(["busy", "fine"])
    clock = StoppingClock(stop, pauses)
    if not pauses:
        stop.set()

    assert retry(lambda: next(outcomes), busy, lambda _: None, stop, clock) == "busy"
    assert len(clock.slept) == pauses


def busy(outcome: str) -> str:
    """Return the reason for a retry."""
    return "the host is busy" if outcome == "busy" else ""
