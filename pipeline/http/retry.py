"""Asking again, for registries and for Fly alike: one loop, at one gate, within one time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..model.events import Notice
from .backoff import PASSING, retry_after
from .errors import ErrorDetails, HttpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.events import Reporter
    from .answer import Answer
    from .backoff import Gate

    Outcome = Answer | HttpError

_A_MOMENT = 1.0
"""Seconds to wait after a 429 that does not say how long."""


class Patience(Struct, frozen=True):
    """Asks one host, named `who` to people, again and again: at its gate, and not for ever."""

    who: str
    gate: Gate
    report: Reporter

    def ask(
        self, tried: Callable[[float], Outcome], may_pass: Callable[[Outcome], bool]
    ) -> Outcome:
        """Ask until there is an outcome that does not look passing, within the policy's bounds.

        `tried` is one attempt, which must end by the moment that it is given, of the gate's clock.
        The host is not asked, and what it said last is the outcome, once it wants more time than is
        left.
        """
        deadline = self.gate.deadline()
        outcome: Outcome | None = None
        for attempt in range(1, self.gate.policy.attempts + 1):
            if not self.gate.wait(deadline):
                return outcome or self.told_to_wait()
            outcome = tried(deadline)
            if not may_pass(outcome):
                return outcome
            last = attempt == self.gate.policy.attempts
            if not self.gate.may_retry() or last or not self.pause(attempt, outcome, deadline):
                return outcome
        return outcome or HttpError("no attempt is allowed", facts=ErrorDetails(passing=True))

    def pause(self, attempt: int, outcome: Outcome, deadline: float) -> bool:
        """Wait before the next attempt; `False`, at once, where that would take too long."""
        wait = _asked_wait(outcome)
        pause = max(self.gate.pause(attempt), wait or 0.0)
        if self.gate.clock.now() + pause > deadline:
            return False
        if not wait:
            self.gate.clock.sleep(pause)
        elif self.gate.shut(pause):
            self.report(Notice(f"{self.who} asks to wait {pause:.0f} s"))
        return True

    def told_to_wait(self) -> HttpError:
        """Why a host is not asked at all."""
        left = max(self.gate.left(), 0.0)
        return HttpError(
            f"{self.who} asks everybody to wait",
            hint=f"try again in {left:.0f} seconds",
            facts=ErrorDetails(passing=True, retry_after=left),
        )


def passes(outcome: Outcome) -> bool:
    """Whether the same request may have another outcome a moment later."""
    if isinstance(outcome, HttpError):
        return outcome.facts.passing
    return outcome.status in PASSING


def _asked_wait(outcome: Outcome) -> float | None:
    """How many seconds the host asks us to wait, `None` where it says nothing."""
    if isinstance(outcome, HttpError):
        return outcome.facts.retry_after
    wait = retry_after(outcome.headers)
    return _A_MOMENT if outcome.status == 429 and wait is None else wait
