"""Queries to Fly and the meaning of each response, with the fake Fly."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from pipeline.fly.api import FlyApi
from pipeline.fly.endpoints import connections
from pipeline.fly.errors import FlyError, NoAppError
from pipeline.fly.queries import app_of, apps_of_org, machines_of, releases_of
from pipeline.http.retry import Policy
from tests.support.connect_proxy import connect_proxy
from tests.support.fake_clock import FakeClock
from tests.support.fly import FakeFly, fake_fly
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = Policy(attempts=2, pause=0.01, total=5.0, connect=1.0, read=2.0)


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[FakeFly]:
    """Start a fake Fly with one app."""
    with fake_fly(tmp_path / "fly") as running:
        running.create_app("acme-web")
        yield running


@pytest.fixture
def api(fly: FakeFly) -> Iterator[FlyApi]:
    """Return a client with the organization's token."""
    with FlyApi(fly.environ, policy=QUICK) as opened:
        yield opened


def client_with(fly: FakeFly, token: str) -> FlyApi:
    """Return a client with another token."""
    return FlyApi({**fly.environ, "FLY_API_TOKEN": token}, policy=QUICK)


def test_existing_and_missing_apps(api: FlyApi) -> None:
    """200 and 404."""
    found = app_of(api, "acme-web")

    assert found is not None
    assert found["name"] == "acme-web"
    assert app_of(api, "acme-none") is None
    assert apps_of_org(api, "acme") == ["acme-web"]


@pytest.mark.parametrize(
    "token", ["FlyV1 fm2_\u201cquoted\u201d", "fm2_first\nfm2_second", "t\u00f6ken"]
)
def test_an_invalid_token(fly: FakeFly, token: str) -> None:
    """Copied with a quotation mark or a newline: nothing is sent or shown."""
    before = fly.requests
    with (
        client_with(fly, token) as somebody,
        pytest.raises(FlyError, match="FLY_API_TOKEN") as caught,
    ):
        app_of(somebody, "acme-web")

    assert "no token has" in caught.value.message
    assert "fm2_" not in f"{caught.value!r} {caught.value.hint}"
    assert fly.requests == before


def test_machines_of_a_missing_app(api: FlyApi) -> None:
    """The error names the app, and the command that creates it."""
    assert machines_of(api, "acme-web") == ()
    with pytest.raises(NoAppError, match="there is no app `acme-none`") as caught:
        machines_of(api, "acme-none")
    assert "invoke apps" in caught.value.hint


def test_a_token_of_one_app_does_not_reach_another(fly: FakeFly) -> None:
    """403: the error names the app, and the token that is needed."""
    fly.create_app("acme-api")
    with client_with(fly, fly.app_token("acme-web")) as api:
        assert machines_of(api, "acme-web") == ()
        with pytest.raises(FlyError, match="FLY_API_TOKEN does not reach the app `acme-api`") as e:
            machines_of(api, "acme-api")
    assert "fly tokens create org" in e.value.hint
    assert e.value.status == 403


def test_a_token_that_expired_is_refused(fly: FakeFly) -> None:
    """By both APIs with the same message."""
    with client_with(fly, fly.expired_token()) as api:
        for ask in (lambda: machines_of(api, "acme-web"), lambda: list(releases_of(api, "acme"))):
            with pytest.raises(FlyError, match="Fly refused the token from FLY_API_TOKEN") as e:
                ask()
            assert "expired" in e.value.hint


def test_no_token_at_all(fly: FakeFly) -> None:
    """Nothing is sent."""
    with client_with(fly, "") as api, pytest.raises(FlyError, match="there is no token"):
        # Neither a variable nor a login: the tests' home is empty, and flyctl has no token.
        machines_of(api, "acme-web")
    assert not fly.requests_to("machines")


@pytest.mark.parametrize("how", ["503", "drop"])
def test_an_api_that_is_down_is_retried(fly: FakeFly, how: str) -> None:
    """With the attempts of the policy."""
    fly.down("machines", how=how)
    with FlyApi(fly.environ, policy=QUICK) as api:
        with pytest.raises(FlyError) as caught:
            machines_of(api, "acme-web")
        assert "status.flyio.net" in caught.value.hint
    assert len(fly.requests_to("machines")) == QUICK.attempts


def test_a_token_is_not_sent_over_http(fly: FakeFly) -> None:
    """The name is not even resolved."""
    plain = {"FLY_FLAPS_BASE_URL": "http://fly.invalid", "FLY_API_BASE_URL": "http://10.0.0.9"}
    with FlyApi({**fly.environ, **plain}, policy=QUICK) as api:
        with pytest.raises(FlyError, match=r"not sent to `fly\.invalid` over plain HTTP"):
            machines_of(api, "acme-web")
        with pytest.raises(FlyError, match=r"not sent to `10\.0\.0\.9` over plain HTTP"):
            list(releases_of(api, "acme-web"))


def test_a_token_is_sent_over_http_only_in_flys_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only by the name `_api.internal`, to one of its addresses, without a proxy."""
    with scripted_server(lambda _: Reply(200)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        for name in ("_api.internal:4280", "metadata.google.internal", "x._api.internal"):
            environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": f"http://{name}"}
            with FlyApi(environ, policy=QUICK) as api, pytest.raises(FlyError):
                machines_of(api, "acme-web")
        assert proxy.requests == []
    http = connections("http://_api.internal:4280", QUICK)
    why = http.forbidden
    assert why
    assert why(ip_address("fdaa:0:1::3")) == ""
    assert all(why(ip_address(one)) for one in ("10.0.0.1", "fd00::1", "127.0.0.1", "8.8.8.8"))


def test_the_rate_limit_is_kept(fly: FakeFly) -> None:
    """Five queries about one app take two seconds of the clock that we share with Fly."""
    clock = FakeClock()
    fly.limits.now = clock.now
    fly.knobs.rate_limits = True
    with FlyApi(fly.environ, policy=QUICK, clock=clock) as api:
        for _ in range(5):
            machines_of(api, "acme-web")

    assert sum(clock.slept) >= 2
    assert [one.status for one in fly.requests_to("machines")] == [200] * 5


def test_a_429_is_waited_for(fly: FakeFly) -> None:
    """429: another process may use the same limit."""
    fly.knobs.rate_limits = True
    # The next request is allowed in a second.
    fly.limits.buckets["list machines", "acme-web"] = (0.0, time.monotonic() + 1)
    with FlyApi(fly.environ, policy=Policy(attempts=8, pause=0.2, total=60.0)) as api:
        machines_of(api, "acme-web")
    statuses = [asked.status for asked in fly.requests_to("machines")]
    assert statuses == [429] * (len(statuses) - 1) + [200]
    assert len(statuses) > 1


def test_an_app_without_releases_has_none(api: FlyApi) -> None:
    """A missing app is an error, not an empty list."""
    assert list(releases_of(api, "acme-web")) == []
    with pytest.raises(FlyError, match="Could not find App"):
        list(releases_of(api, "acme-none"))


def test_a_proxy_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the proxy and its variable, and does not blame Fly."""
    with connect_proxy("127.0.0.1:1", status="403 Forbidden") as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:hidden@{proxy.address}")
        environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": "https://machines.test"}
        with FlyApi(environ, policy=QUICK) as api, pytest.raises(FlyError) as caught:
            app_of(api, "acme-web")

    assert f"the proxy `{proxy.address}` refuses to connect to `machines.test`: 403" in str(
        caught.value
    )
    assert caught.value.hint.startswith("https_proxy names it")
    assert "hidden" not in f"{caught.value!r} {caught.value.hint}"
