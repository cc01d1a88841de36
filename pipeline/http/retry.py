"""When a request is sent again, and how long is waited before it.

One gate per host is shared by all requests to it: when the host says "later" (429, `Retry-After`),
all of them wait, and a host that keeps failing uses up one common allowance of retries instead of
three per request.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct

from ..model.events import Notice
from ..process.wait import SystemClock
from .errors import ErrorDetails, HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from ..model.events import Reporter
    from ..process.wait import Clock
    from .response import Response

    Outcome = Response | HttpError

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that the same request may not get again a moment later."""
_AFTER_429 = 1.0
"""Seconds to wait after a 429 that does not say how long."""
_MOST_JITTER = 0.25
"""Seconds after the opening of a gate in which waiting requests go, each at its own moment."""


class Policy(Struct, frozen=True):
    """Limits, in seconds except for `attempts` and `allowance`.

    The pause before attempt n + 1 is `pause` times 2 to the n - 1, plus or minus a half. `total`
    limits one request with all its attempts. `allowance` is how many failures a host may have
    beyond its successes before no request to it is retried.

    Within one attempt, `connect` limits each step of connecting; `read` limits the wait for the
    head of the response, and each wait for more of it; `storing` takes its place after a streamed
    body, which a server may have to hash and move first. A large body must bring 64 KiB in `flow`.
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
    """Decide when the next request to one host may be sent. Thread-safe.

    It is open to all, at once, when `closed` is set: the requests then fail at closed connections.
    """

    def __init__(self, policy: Policy, closed: Event, clock: Clock | None = None) -> None:
        self.policy = policy
        self.clock = clock or SystemClock(closed)
        self._closed = closed
        self._lock = Lock()
        self._opens = 0.0
        self._allowance = policy.allowance

    def deadline(self) -> float:
        """Return the time by which a request that begins now must end."""
        return self.clock.now() + self.policy.total

    def wait(self, deadline: float) -> bool:
        """Wait until the gate is open; return `False` at once where that is after `deadline`."""
        while not self._closed.is_set():
            left = self.left()
            if left <= 0:
                return True
            if self.clock.now() + left > deadline:
                return False
            # Not all at the same moment: that is what the host asked us not to do.
            self.clock.sleep(left + random.uniform(0, min(_MOST_JITTER, left)))  # noqa: S311
        return True

    def left(self) -> float:
        """Return the seconds until the gate opens; 0 or less where it is open."""
        with self._lock:
            return self._opens - self.clock.now()

    def shut(self, seconds: float) -> bool:
        """Shut the gate for all requests; return whether it was open before."""
        with self._lock:
            now = self.clock.now()
            was_open = self._opens <= now
            self._opens = max(self._opens, now + seconds)
            return was_open

    def succeeded(self) -> None:
        """Count a response: the host has earned a retry."""
        with self._lock:
            self._allowance = min(self._allowance + 1, self.policy.allowance)

    def may_retry(self) -> bool:
        """Count a failure; return whether any request to the host may be retried."""
        with self._lock:
            self._allowance = max(self._allowance - 1, 0)
            return self._allowance > 0 and not self._closed.is_set()

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of that number, with jitter."""
        return self.policy.pause * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311


class Retry(Struct, frozen=True):
    """Send requests to one host through its gate; `host` is its name in messages."""

    host: str
    gate: Gate
    report: Reporter

    def call(
        self,
        send: Callable[[float], Response],
        retryable: Callable[[Outcome], bool] | None = None,
    ) -> Response:
        """Call `send` until its outcome is final, within the limits of the policy.

        `send` makes one attempt, which must end by the time that it is given, on the gate's clock.
        `retryable` decides which response, or error of `send`, is worth another attempt; without
        it, `is_transient` does. No attempt is made once the host wants more time than is left: its
        last response is returned, or the last error raised. Raises `HttpError`.
        """
        again, deadline = retryable or is_transient, self.begin()
        attempt, outcome = 1, self._attempt(send, deadline)
        while again(outcome) and self._may_go_on(attempt, outcome, deadline):
            attempt, outcome = attempt + 1, self._attempt(send, deadline)
        if isinstance(outcome, HttpError):
            raise outcome
        return outcome

    def call_once(self, send: Callable[[float], Response]) -> Response:
        """Call `send` once, when the gate is open. Raises `HttpError`."""
        return self.call(send, lambda _: False)

    def begin(self) -> float:
        """Wait until a request may be sent; return the time by which it must end.

        Raises `HttpError` where the host wants to be left alone for longer than that.
        """
        deadline = self.gate.deadline()
        if not self.gate.wait(deadline):
            left = max(self.gate.left(), 0.0)
            raise HttpError(
                f"{self.host} asks everybody to wait",
                hint=f"try again in {left:.0f} seconds",
                details=ErrorDetails(transient=True, retry_after=left),
            )
        return deadline

    def may_start_over(self, attempt: int, error: HttpError) -> bool:
        """Wait before work of several requests is done again; `False` where it must not be.

        `attempt` is the number of the one that ended with `error`.
        """
        if not error.details.transient or attempt >= self.gate.policy.attempts:
            return False
        return self.gate.may_retry() and self._pause(attempt, error, self.gate.deadline())

    def _attempt(self, send: Callable[[float], Response], deadline: float) -> Outcome:
        try:
            response = send(deadline)
        except HttpError as error:
            return error
        if response.status not in TRANSIENT:
            self.gate.succeeded()
        return response

    def _may_go_on(self, attempt: int, outcome: Outcome, deadline: float) -> bool:
        """Count a failure and wait; `False` where there must not be another attempt."""
        allowed = self.gate.may_retry() and attempt < self.gate.policy.attempts
        return allowed and self._pause(attempt, outcome, deadline) and self.gate.wait(deadline)

    def _pause(self, attempt: int, outcome: Outcome, deadline: float) -> bool:
        """Wait before the next attempt; `False`, at once, where that would take too long."""
        wait = _requested_wait(outcome)
        pause = max(self.gate.pause(attempt), wait or 0.0)
        if self.gate.clock.now() + pause > deadline:
            return False
        if not wait:
            self.gate.clock.sleep(pause)
        elif self.gate.shut(pause):
            self.report(Notice(f"{self.host} asks to wait {pause:.0f} s"))
        return True


def is_transient(outcome: Outcome) -> bool:
    """Return whether the same request may have another outcome a moment later."""
    if isinstance(outcome, HttpError):
        return outcome.details.transient
    return outcome.status in TRANSIENT


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that `Retry-After` asks for: a number or a date (RFC 9110, 10.2.3).

    A date is measured by the server's clock, which its `Date` shows; ours may be wrong by hours.

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


def _requested_wait(outcome: Outcome) -> float | None:
    """Return how many seconds the host wants to be left alone, `None` where it does not say so."""
    if isinstance(outcome, HttpError):
        return outcome.details.retry_after
    wait = retry_after(outcome.headers)
    return _AFTER_429 if outcome.status == 429 and wait is None else wait


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
