"""Retries: bounded, with jitter, and with one backoff for all requests to a host."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Gate, Policy, retry_after
from pipeline.model.presence import Absent
from pipeline.reference import parse_reference
from pipeline.registry.client import MOST_AT_ONCE, Registry
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

GONE = Reply(
    404, {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
)
ERROR = json.dumps({"errors": [{"code": "TOOMANYREQUESTS"}]}).encode()


def in_seconds(seconds: int) -> str:
    """Return `Retry-After` as a number."""
    return str(seconds)


def as_a_date(seconds: int) -> str:
    """Return `Retry-After` as a date; it has no fractions, so a second is added."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds + 1), usegmt=True)


@pytest.mark.parametrize("written", [in_seconds, as_a_date])
def test_one_response_makes_all_requests_wait(written: Callable[[int], str]) -> None:
    """One of 200 requests gets `Retry-After: 1`: no request is sent in that second."""
    times: list[float] = []
    told: list[float] = []

    def script(_: Request) -> Reply:
        times.append(time.monotonic())
        if len(times) == 2:
            told.append(time.monotonic())
            return Reply(429, {"Retry-After": written(1)}, ERROR)
        time.sleep(0.05)
        return GONE

    with scripted_server(script) as server, Registry() as registry:
        wanted = [parse_reference(f"{server.address}/acme:{number}") for number in range(200)]

        assert set(registry.head_all(wanted).values()) == {Absent()}

    # At most fifty were already sent, and are not cancelled.
    assert sum(told[0] < at < told[0] + 1.0 for at in times) < MOST_AT_ONCE
    assert sum(at >= told[0] + 1.0 for at in times) > 120


def test_total_time_with_repeated_retry_after() -> None:
    """Each request ends within its total time, however often it is delayed."""
    policy = Policy(pause=0.001, total=1.5, read=1.0)
    script = lambda _: Reply(429, {"Retry-After": "1"}, ERROR)  # noqa: E731
    with scripted_server(script) as server, Registry(policy=policy) as registry:
        began = time.monotonic()
        wanted = [parse_reference(f"{server.address}/acme:{number}") for number in range(30)]

        answers = registry.head_all(wanted)

    assert all(isinstance(answer, HttpError) for answer in answers.values())
    # One goes ahead, then several at once; in sequence they would take longer.
    assert time.monotonic() - began < 20 * policy.total
    assert server.count() <= 30 + policy.allowance


def test_pauses_grow_with_jitter() -> None:
    """0.4 s, then 0.8 s, each plus or minus a half."""
    gate = Gate(Policy(), Event())

    firsts = {gate.pause(1) for _ in range(50)}
    seconds = {gate.pause(2) for _ in range(50)}

    assert len(firsts) == 50
    assert all(0.2 <= pause <= 0.6 for pause in firsts)
    assert all(0.4 <= pause <= 1.2 for pause in seconds)


def test_a_wait_beyond_the_deadline() -> None:
    """The error is raised at once."""
    gate = Gate(Policy(), Event())
    gate.shut(60.0)
    began = time.monotonic()

    assert not gate.wait(began + 1.0)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    """RFC 9110, 10.2.3; anything else is ignored."""
    headers = {} if value is None else {"retry-after": value}
    assert retry_after(headers, datetime(2026, 11, 24, 12, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_date_is_of_the_hosts_clock(hours: int) -> None:
    """Our clock may be wrong by an hour without changing the wait."""
    ours = datetime(2026, 11, 24, 12 + hours, 0, tzinfo=UTC)
    until, there = "Tue, 24 Nov 2026 12:00:30 GMT", "Tue, 24 Nov 2026 12:00:00 GMT"
    assert retry_after({"retry-after": until, "date": there}, ours) == 30.0
    assert (
        retry_after({"retry-after": until, "date": "at noon"}, ours)
        == (0.0, 30.0, 3630.0)[1 - hours]
    )
