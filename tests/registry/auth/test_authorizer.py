"""Bearer tokens over real sockets: their scope, lifetime, reuse and renewal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from pipeline.http.errors import HttpError
from pipeline.http.response import Response
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.reference import Digest, Repository, parse_reference
from pipeline.registry.auth.authorizer import Authorizer
from pipeline.registry.auth.credential import Credential, Kind
from pipeline.registry.auth.namespace import Namespace
from pipeline.registry.blobs import RemoteRepository, Transfer, copy_blob
from pipeline.registry.client import Registry
from pipeline.registry.contents import Part
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.registry.auth.credential import CredentialSource

QUICK = Policy(pause=0.001, total=60.0, connect=30.0, read=30.0)
"""Short pauses, and long timeouts for a busy machine."""
GONE = Reply(
    404, {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
)
SECRET = "a-secret-for-the-registry"
TOKEN = "/token"


def password(_place: str, /) -> Credential:
    """Return a user with a password."""
    return Credential("me", SECRET, "the test")


def identity(user: str) -> CredentialSource:
    """Return a user with an identity token."""
    known = Credential(user, SECRET, "the test", Kind.IDENTITY_TOKEN)
    return lambda _place: known


def challenge(request: Request, before: str = "") -> Reply:
    """Return a 401 that names the token server."""
    where = f'{before}Bearer realm="http://{request.headers["host"]}{TOKEN}",service="s"'
    return Reply(401, {"WWW-Authenticate": where})


def registry_with(
    token: Callable[[Request], Reply], good: Callable[[str], bool], before: str = ""
) -> Callable[[Request], Reply]:
    """Return a registry that accepts what `good` accepts, and its token server."""

    def script(request: Request) -> Reply:
        if request.path.startswith(TOKEN):
            return token(request)
        authorization = request.headers.get("authorization", "")
        return GONE if good(authorization) else challenge(request, before)

    return script


def grant(value: str, **more: object) -> Reply:
    """Return a response of a token server."""
    fields = {"token": value, **more}
    return Reply(200, {}, str(fields).replace("'", '"').encode())


def is_good(authorization: str) -> bool:
    """Return whether it is the token `good`."""
    return authorization == "Bearer good"


@pytest.mark.parametrize("source", [identity("<token>"), identity(""), identity("me")])
def test_an_identity_token_uses_bearer_where_basic_comes_first(source: CredentialSource) -> None:
    """With `Basic, Bearer`, because Basic needs a password."""

    def token(request: Request) -> Reply:
        form = dict(parse_qsl(request.body.decode()))
        assert request.method == "POST"
        assert "authorization" not in request.headers
        assert form == {
            "service": "s",
            "grant_type": "refresh_token",
            "refresh_token": SECRET,
            "client_id": "fly-image-pipeline",
            "scope": "repository:acme:pull",
        }
        return Reply(200, {}, b'{"access_token": "good"}')

    script = registry_with(token, is_good, before='Basic realm="r", ')
    with scripted_server(script) as server, Registry(credentials=source, policy=QUICK) as registry:
        assert registry.head(parse_reference(f"{server.address}/acme:1")) == Absent()
        assert [one.path for one in server.requests if one.path == TOKEN] == [TOKEN]
        assert not [
            one for one in server.requests if SECRET in one.headers.get("authorization", "")
        ]


def test_anonymous_uses_bearer_where_basic_comes_first() -> None:
    """A public repository is read with an anonymous token."""
    script = registry_with(lambda _: grant("good"), is_good, before='Basic realm="r", ')
    with scripted_server(script) as server, Registry(policy=QUICK) as registry:
        assert registry.head(parse_reference(f"{server.address}/acme:1")) == Absent()
        assert not any("Basic" in one.headers.get("authorization", "") for one in server.requests)


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_a_token_server_without_oauth(status: int) -> None:
    """The identity token is then sent as a password, if there is a user name (oauth.md)."""

    def token(request: Request) -> Reply:
        if request.method == "POST":
            return Reply(status)
        named = Credential("me", SECRET, "").basic
        return grant("good") if request.headers.get("authorization") == f"Basic {named}" else GONE

    script = registry_with(token, is_good)
    with (
        scripted_server(script) as server,
        Registry(credentials=identity("me"), policy=QUICK) as registry,
    ):
        assert registry.head(parse_reference(f"{server.address}/acme:1")) == Absent()
        methods = [one.method for one in server.requests if one.path.startswith(TOKEN)]
        assert methods == ["POST", "GET"]


@pytest.mark.parametrize(
    ("status", "methods"), [(401, ["POST"]), (403, ["POST"]), (404, ["POST", "GET"])]
)
def test_an_identity_token_without_a_name(status: int, methods: list[str]) -> None:
    """Without a user name it is never sent as a password; a 404 leaves no anonymous token."""
    script = registry_with(
        lambda request: Reply(status) if request.method == "POST" else grant("weak"), is_good
    )
    source = identity("<token>")
    with scripted_server(script) as server, Registry(credentials=source, policy=QUICK) as registry:
        with pytest.raises(HttpError):
            registry.head(parse_reference(f"{server.address}/acme:1"))
        requests = [one for one in server.requests if one.path.startswith(TOKEN)]
        assert [one.method for one in requests][: len(methods)] == methods
        assert not any("authorization" in one.headers for one in requests)


def test_a_weaker_token_is_no_permission_and_no_loop() -> None:
    """The server grants less than requested, with 200, each time."""
    count = iter(range(1000))
    script = registry_with(lambda _: grant(f"weak-{next(count)}"), is_good)
    with (
        scripted_server(script) as server,
        Registry(credentials=password, policy=QUICK) as registry,
    ):
        for _ in range(3):
            with pytest.raises(HttpError, match="refused the credential"):
                registry.head(parse_reference(f"{server.address}/acme:1"))

        times = Counter(one.path.startswith(TOKEN) for one in server.requests)
        # HEAD, HEAD with a token, GET for the reason: each at most one refresh.
        assert times[True] <= times[False]
        assert len(server.requests) <= 3 * 8


def test_a_revoked_token_is_renewed_once() -> None:
    """16 threads whose token the registry has revoked get one new token."""
    valid = threading.Event()
    count = Counter[str]()
    lock = threading.Lock()

    def token(_request: Request) -> Reply:
        with lock:
            count["token"] += 1
        time.sleep(0.02)
        return grant("second" if valid.is_set() else "first", expires_in=300)

    def good(authorization: str) -> bool:
        return authorization == ("Bearer second" if valid.is_set() else "Bearer first")

    script = registry_with(token, good)
    with (
        scripted_server(script) as server,
        Registry(credentials=password, policy=QUICK) as registry,
    ):
        wanted = parse_reference(f"{server.address}/acme:1")
        with ThreadPoolExecutor(16) as pool:
            before = list(pool.map(registry.head, [wanted] * 32))
            first = count["token"]
            valid.set()
            after = list(pool.map(registry.head, [wanted] * 32))

    assert before == after == [Absent()] * 32
    assert first == 1
    assert count["token"] == 2


def test_each_scope_has_a_token_of_its_own() -> None:
    """A token for one repository is not used for another."""

    def token(request: Request) -> Reply:
        scope = parse_qs(urlsplit(request.path).query)["scope"][0]
        return grant(f"for-{scope.split(':')[1]}")

    def script(request: Request) -> Reply:
        if request.path.startswith(TOKEN):
            return token(request)
        repository = request.path.split("/")[2]
        given = request.headers.get("authorization", "")
        assert not given.startswith("Bearer") or given == f"Bearer for-{repository}"
        return GONE if given.startswith("Bearer") else challenge(request)

    with (
        scripted_server(script) as server,
        Registry(credentials=password, policy=QUICK) as registry,
    ):
        names = [parse_reference(f"{server.address}/app{number % 4}:1") for number in range(4)]
        assert set(registry.head_all(names).values()) == {Absent()}
        requests = Counter(one.path for one in server.requests if one.path.startswith(TOKEN))
        assert set(requests.values()) == {1}
        assert len(requests) == 4


def test_a_mount_asks_for_both_repositories_and_its_own_first() -> None:
    """One `scope` for each (token.md); some servers read only the first."""
    digest = f"sha256:{'0' * 64}"
    pushed = "repository:to:pull,push"

    def script(request: Request) -> Reply:
        if request.path.startswith(TOKEN):
            return grant("good")
        if not is_good(request.headers.get("authorization", "")):
            return challenge(request)
        return Reply(201) if request.method == "POST" else Reply(404)

    with (
        scripted_server(script) as server,
        Registry(credentials=password, policy=QUICK) as registry,
    ):
        host = registry.host(Repository(server.address, "acme"))
        blob = Part(Digest(digest), 1)
        copy_blob(
            blob,
            Transfer(
                RemoteRepository(host, "from"), RemoteRepository(host, "to"), threading.Event()
            ),
        )

        queries = [parse_qs(urlsplit(a.path).query) for a in server.requests if TOKEN in a.path]
        assert [q["scope"] for q in queries] == [[pushed, "repository:from:pull"]]


@pytest.mark.parametrize(
    ("expires_in", "used"),
    [("null", 50), ("0", 50), ("-5", 50), ("30", 50), ("300", 290), ("1e9", 3590), ("NaN", 50)],
)
def test_how_long_a_token_is_used(expires_in: str, used: int) -> None:
    """60 s by default and at least, an hour at most, and not in the last 10 s."""
    now = [1000.0]
    body = f'{{"token": "good", "expires_in": {expires_in}}}'.encode()
    with scripted_server(lambda _: Reply(200, {}, body)) as server, httpx.Client() as http:

        def fetch(
            method: str, url: str, headers: Mapping[str, str], content: bytes | None
        ) -> Response:
            got = http.request(method, url, headers=dict(headers), content=content)
            return Response(got.status_code, url, {}, got.content)

        access = Authorizer(server.address, password, fetch, clock=lambda: now[0])
        access.prepare()
        origin = f"http://{server.address}"
        access.answer(f'Bearer realm="{origin}{TOKEN}"', origin, "s", None)
        for seconds, fetch_document in ((0, 1), (used - 0.5, 1), (used + 0.5, 2)):
            now[0] = 1000.0 + seconds
            assert access.header(origin, "s") == "Bearer good"
            assert len(server.requests) == fetch_document


def test_different_logins_for_paths_of_a_host() -> None:
    """With podman's keys: another login for each path, with separate tokens."""
    manifest = "application/vnd.oci.image.manifest.v1+json"
    there = Reply(200, {"Content-Type": manifest, "Docker-Content-Digest": f"sha256:{'a' * 64}"})

    def source(place: str, /) -> Credential:
        return Credential(place.rpartition("/")[2], SECRET, "the test")

    def script(request: Request) -> Reply:
        part = request.path.split("/")[2]
        wanted = f"Basic {Credential(part, SECRET, '').basic}"
        return there if request.headers.get("authorization") == wanted else GONE

    with scripted_server(script) as server:
        parts = frozenset(Namespace(f"{server.address}/{part}") for part in ("acme", "other"))
        names = [parse_reference(f"{part}/web:1") for part in sorted(parts)]
        with Registry(credentials=source, namespaces=parts, policy=QUICK) as registry:
            answers = registry.head_all(names)

    assert all(isinstance(found, Present) for found in answers.values())
    assert len(answers) == 2
