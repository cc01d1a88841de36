"""Bearer authentication: token servers, who gets the credential, and hostile servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.permission import parse_allowed
from pipeline.model.presence import Absent
from pipeline.reference import parse_reference
from pipeline.registry.auth.challenge import parse_challenges, why_untrusted
from pipeline.registry.auth.credential import Credential, nobody
from pipeline.registry.client import Registry
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.registry.auth.credential import CredentialSource

QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""Short pauses, and long timeouts for a busy machine."""
GONE = Reply(
    404, {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
)
SECRET = "a-secret-for-the-registry"


def known(_host: str, /) -> Credential:
    """Return a credential for any host."""
    return Credential("me", SECRET, "the test")


def challenging(token: Callable[[Request], Reply], realm: str = "") -> Callable[[Request], Reply]:
    """Return a registry that requires the token `good`, and its token server."""

    def script(request: Request) -> Reply:
        if request.path.startswith("/token"):
            return token(request)
        if request.headers.get("authorization") == "Bearer good":
            return GONE
        where = realm or f"http://{request.headers['host']}/token"
        return Reply(401, {"WWW-Authenticate": f'Bearer realm="{where}",service="s"'})

    return script


def head_with_requests(script: Callable[[Request], Reply]) -> tuple[object, list[Request]]:
    """Return the result of a HEAD, and all requests."""
    with scripted_server(script) as server, Registry(credentials=known, policy=QUICK) as registry:
        try:
            found: object = registry.head(parse_reference(f"{server.address}/acme:1"))
        except HttpError as error:
            found = error
        return found, server.requests


def test_a_token_is_fetched_once_for_many() -> None:
    """The token server gets the credential once, the registry gets the token."""
    good = challenging(lambda _: Reply(200, {}, b'{"token": "good", "expires_in": 300}'))
    with scripted_server(good) as server, Registry(credentials=known, policy=QUICK) as registry:
        wanted = [parse_reference(f"{server.address}/acme:{number}") for number in range(20)]

        answers = registry.head_all(wanted)

        tokens = [one for one in server.requests if one.path.startswith("/token")]
        assert set(answers.values()) == {Absent()}
        assert len(tokens) == 1
        assert "repository%3Aacme%3Apull" in tokens[0].path
        assert tokens[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"token": 3}',
        b'{"token": "a\\nb"}',
        b'{"token": "good", "expires_in": "soon"}',
        b'{"token": "good", "expires_in": ' + b"9" * 400 + b"}",
        b"[" * 60_000,
    ],
    ids=range(9),
)
def test_invalid_responses_of_a_token_server(body: bytes) -> None:
    """An error that says so."""
    found, _ = head_with_requests(challenging(lambda _: Reply(200, {}, body)))

    assert isinstance(found, HttpError)
    assert SECRET not in found.message + found.hint


@pytest.mark.parametrize(
    "realm",
    [
        "http://evil.example.com/token",
        "http://[::1/token",
        "ftp://127.0.0.1/token",
        "http://user@127.0.0.1/token",
        "nonsense",
        "",
    ],
)
def test_an_untrusted_realm_gets_no_credential(realm: str) -> None:
    """It gets no request, and no host gets the credential."""
    found, _ = head_with_requests(challenging(lambda _: Reply(500), realm or "//"))

    assert isinstance(found, HttpError)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_token_that_is_refused(status: int) -> None:
    """The image is neither present nor absent."""
    found, _ = head_with_requests(challenging(lambda _: Reply(status, {"Retry-After": "0"})))

    assert isinstance(found, HttpError)


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_server_that_gives_none_without_a_login(status: int) -> None:
    """The message names the registry, as after its own 401, and the hint says how to log in."""
    with (
        scripted_server(challenging(lambda _: Reply(status))) as server,
        Registry(credentials=nobody, policy=QUICK) as registry,
        pytest.raises(HttpError) as refused,
    ):
        registry.head(parse_reference(f"{server.address}/acme:1"))

    message = f"`{server.address}` requires a login, and there is no credential for it"
    assert refused.value.message == message
    assert refused.value.hint == f"run `docker login {server.address}`"


@pytest.mark.parametrize("status", [200, 403, 404])
def test_json_without_an_end(status: int) -> None:
    """A body of brackets is no manifest, and no error document."""
    found, _ = head_with_requests(
        lambda _: Reply(status, {"Content-Type": "application/json"}, b"[" * 60_000)
    )

    assert isinstance(found, HttpError)


def test_an_invalid_redirect() -> None:
    """It is not followed."""
    found, _ = head_with_requests(lambda _: Reply(307, {"Location": "http://[::1/x"}))

    assert isinstance(found, HttpError)


@pytest.mark.parametrize(
    ("registry", "realm", "trusted"),
    [
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("https://ghcr.io", "https://ghcr.io/token", True),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", True),
        ("http://127.0.0.1:5000", "http://git.example.com/token", False),
        ("https://registry.co.uk", "https://evil.co.uk/token", False),
        ("https://mine.github.io", "https://evil.github.io/token", False),
        ("https://r.example.com", "https://169.254.169.254/token", False),
        ("https://r.example.com", "https://localhost/token", False),
        ("https://r.example.com", "http://r.example.com/token", False),
        ("https://registry.fly.io", "https://api.fly.io.evil.com/token", False),
        ("https://r.example.com", "https://git.example.com/jwt/auth", True),
        ("https://r.example.com", "https://git.example.com:443/jwt/auth", True),
        ("https://r.example.com", "https://GIT.example.com/jwt/auth", True),
        ("https://r.example.com", "https://git.example.com:8443/jwt/auth", False),
        ("https://r.example.com", "https://other.example.com:8443/jwt/auth", True),
        ("https://r.example.com", "https://other.example.com/jwt/auth", False),
        ("https://r.example.com", "https://a.git.example.com/jwt/auth", False),
        ("https://r.example.com", "http://git.example.com/jwt/auth", False),
        ("https://r.example.com", "https://me@git.example.com/jwt/auth", False),
        ("https://r.example.com", "https://git.example.com:x/jwt/auth", False),
    ],
)
def test_who_gets_a_credential(registry: str, realm: str, *, trusted: bool) -> None:
    """The registry's own host, known pairs, and hosts that the user trusts."""
    users = frozenset({"git.example.com", "other.example.com:8443"})

    assert (why_untrusted(realm, registry, users) == "") is trusted


@pytest.mark.parametrize(
    ("realm", "trusted"),
    [
        ("https://git.example.com/jwt/auth", True),
        ("http://git.example.com/jwt/auth", False),
        ("https://me@git.example.com/jwt/auth", False),
        ("https://169.254.169.254/token", False),
        ("https://localhost/token", False),
    ],
)
def test_who_gets_an_anonymous_request(realm: str, *, trusted: bool) -> None:
    """Without a credential it is like a redirect: any host, but not plain HTTP or private."""
    assert (why_untrusted(realm, "https://r.example.com", sending=False) == "") is trusted


def head_with_foreign_token_server(
    source: CredentialSource, trusted: Callable[[str, str], str]
) -> tuple[object, list[Request], str]:
    """Return the result of a HEAD with a token server on another host, and its requests.

    `trusted` returns what the user allows for the addresses of registry and token server.
    """
    token = lambda _: Reply(200, {}, b'{"token": "good"}')  # noqa: E731
    with scripted_server(token) as server:
        there = server.address.replace("127.0.0.1", "localhost")

        def script(request: Request) -> Reply:
            if request.headers.get("authorization") == "Bearer good":
                return GONE
            return Reply(401, {"WWW-Authenticate": f'Bearer realm="http://{there}/jwt"'})

        with scripted_server(script) as registry:
            pairs = parse_allowed(trusted(registry.address, there)).token_servers
            with Registry(credentials=source, policy=QUICK, token_servers=pairs) as client:
                try:
                    found: object = client.head(parse_reference(f"{registry.address}/acme:1"))
                except HttpError as error:
                    found = error
            word = f"PIPELINE_ALLOW=token-server={registry.address}/{there}"
            return found, server.requests, word


def test_a_foreign_token_server_gets_no_credential() -> None:
    """It gets no request, and the hint has the permission that would allow it."""
    found, requests, word = head_with_foreign_token_server(known, lambda _registry, _server: "")

    assert isinstance(found, HttpError)
    assert "another host" in found.message
    assert f"`{word}`" in found.hint
    assert requests == []


def test_a_token_server_that_the_user_trusts() -> None:
    """Only that host gets the credential."""
    found, requests, _ = head_with_foreign_token_server(
        known, lambda registry, at: f"token-server={registry}/{at}"
    )

    assert found == Absent()
    assert [one.headers.get("authorization") for one in requests] == [f"Basic {known('').basic}"]


@pytest.mark.parametrize(
    "word", ["token-server=other.test/{there}", "token-server={registry}/a.io"]
)
def test_trust_is_for_a_pair_of_hosts(word: str) -> None:
    """Another pair of registry and token server is not trusted."""
    found, requests, _ = head_with_foreign_token_server(
        known, lambda registry, there: word.format(registry=registry, there=there)
    )

    assert isinstance(found, HttpError)
    assert requests == []


def test_an_anonymous_request_to_a_foreign_token_server() -> None:
    """There is no credential to lose: a public repository of a self-hosted GitLab."""
    found, requests, _ = head_with_foreign_token_server(nobody, lambda _registry, _server: "")

    assert found == Absent()
    assert ["authorization" in one.headers for one in requests] == [False]


def test_spellings_of_challenges() -> None:
    """Several in one header, quoted commas, names in any case."""
    header = 'Negotiate, BEARER Realm="https://a/t", service="b, \\"c", Basic realm=x'

    found = parse_challenges(header)

    assert [challenge.scheme for challenge in found] == ["negotiate", "bearer", "basic"]
    assert found[1].parameters == {"realm": "https://a/t", "service": 'b, "c'}
    assert json.dumps(dict(found[2].parameters)) == '{"realm": "x"}'
