"""The retry loop for registries and Fly, with a fake clock."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from pipeline.fly.api import FlyApi
from pipeline.fly.errors import FlyError
from pipeline.fly.queries import machines_of
from pipeline.fly.rate_limit import RateLimit
from pipeline.http.errors import ErrorDetails, HttpError
from pipeline.http.response import Response
from pipeline.http.retry import Gate, Policy, Retry
from pipeline.model.events import Notice
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry
from tests.support.fake_clock import FakeClock
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from pipeline.http.retry import Outcome
    from pipeline.model.events import Event as Told

POLICY = Policy(attempts=4, pause=1.0, total=60.0, allowance=48)
FINE, BUSY = Response(200, ""), Response(503, "")
FOREVER = Reply(429, {"Retry-After": "3600", "Content-Type": "application/json"}, b"{}")


def retry_later(seconds: int, status: int = 429) -> Response:
    """Return a response with `Retry-After`."""
    return Response(status, "", {"retry-after": str(seconds)})


class ScriptedHost:
    """A host with a sequence of responses, and the times of the requests to it."""

    def __init__(self, *outcomes: Outcome, shut: float = 0.0, policy: Policy = POLICY) -> None:
        self.clock = FakeClock()
        self.told: list[Told] = []
        self.times: list[float] = []
        gate = Gate(policy, Event(), self.clock)
        left = list(outcomes)

        def send(deadline: float) -> Response:
            self.times.append(sum(self.clock.slept))
            assert self.clock.now() <= deadline
            if shut:  # Another request to this host was told to wait meanwhile.
                gate.shut(shut)
            outcome = left.pop(0)
            if isinstance(outcome, HttpError):
                raise outcome
            return outcome

        self.end: Outcome
        try:
            self.end = Retry("`the host`", gate, self.told.append).call(send)
        except HttpError as error:
            self.end = error


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [
        ([FINE], 1),
        ([BUSY, FINE], 2),
        ([BUSY, BUSY, BUSY, BUSY], 4),
        ([Response(418, "")], 1),
        ([HttpError("cut off", details=ErrorDetails(transient=True)), FINE], 2),
        ([HttpError("no trust")], 1),
        ([retry_later(5), FINE], 2),
        ([retry_later(50), retry_later(50)], 2),
        ([retry_later(59, 503), FINE], 2),
        ([retry_later(61)], 1),
        ([retry_later(3600, 503)], 1),
        ([HttpError("told", details=ErrorDetails(transient=True, retry_after=3600.0))], 1),
    ],
)
def test_number_of_attempts(outcomes: list[Outcome], attempts: int) -> None:
    """Temporary failures are retried, unless the host asks for more time than is left."""
    story = ScriptedHost(*outcomes)

    assert story.end is outcomes[attempts - 1]
    assert len(story.times) == attempts
    assert story.times[-1] <= POLICY.total


def test_retry_after_is_kept_and_reported() -> None:
    """At least as long as requested, and it is reported once."""
    story = ScriptedHost(retry_later(20), retry_later(20), FINE)

    assert story.times[1] >= 20
    assert story.times[2] >= 40
    assert story.told == [Notice("`the host` asks to wait 20 s")] * 2


def test_a_long_wait_caused_by_another_request() -> None:
    """The host gets no further request, and its last response is the result."""
    story = ScriptedHost(BUSY, FINE, shut=100.0)

    assert story.end is BUSY
    assert story.times == [0.0]


def test_a_long_wait_before_the_first_attempt() -> None:
    """The host gets no request, and the error has the waiting time."""
    gate = Gate(POLICY, Event(), FakeClock())
    gate.shut(100.0)

    sent: list[float] = []

    def send(deadline: float) -> Response:
        sent.append(deadline)
        return FINE

    retry = Retry("`the host`", gate, lambda _: None)

    for call in (retry.call, retry.call_once):
        with pytest.raises(HttpError) as caught:
            call(send)
        assert caught.value.message == "`the host` asks everybody to wait"
        assert caught.value.hint == "try again in 100 seconds"

    assert sent == []


def test_a_host_that_has_used_up_its_retries() -> None:
    """It gets no further requests, whatever the number of attempts."""
    story = ScriptedHost(BUSY, BUSY, policy=Policy(attempts=9, allowance=2, total=1e6))

    assert len(story.times) == 2


def test_a_registry_that_asks_for_an_hour() -> None:
    """One request, no wait, and the hint has the time."""
    clock = FakeClock()
    with (
        scripted_server(lambda _: FOREVER) as server,
        Registry(clock=clock) as registry,
        pytest.raises(HttpError, match="too many requests") as caught,
    ):
        registry.head(parse_reference(f"{server.address}/acme:1"))

    assert (server.count(), clock.slept) == (1, [])
    assert caught.value.hint == "try again in 3600 seconds"


def test_fly_that_asks_for_an_hour() -> None:
    """By the same loop."""
    clock = FakeClock()
    with scripted_server(lambda _: FOREVER) as server:
        environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": f"http://{server.address}"}
        with FlyApi(environ, clock=clock) as api, pytest.raises(FlyError) as caught:
            machines_of(api, "acme-web")

    assert (server.count(), clock.slept) == (1, [])
    assert "in 3600 seconds" in caught.value.hint


@pytest.mark.parametrize(("method", "attempts"), [("GET", 4), ("POST", 1)])
def test_changes_at_fly_are_not_retried(method: str, attempts: int) -> None:
    """A 503 does not say whether the change was made."""
    with scripted_server(lambda _: Reply(503)) as server:
        environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": f"http://{server.address}"}
        with FlyApi(environ, clock=FakeClock()) as api, pytest.raises(FlyError):
            api.machines_api(method, "/apps/acme-web/machines", "acme-web", "list machines")

    assert server.count() == attempts


def test_the_rate_limit_of_fly() -> None:
    """Three at once, then one a second."""
    clock = FakeClock()
    limit = RateLimit(clock)
    for _ in range(5):
        limit.wait("list machines", "acme-web")
    limit.wait("list machines", "acme-api")

    assert len(clock.slept) == 2
    assert all(0.9 < seconds < 1.1 for seconds in clock.slept)
