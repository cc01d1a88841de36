"""A new repository: some registries only show it to clients that may push.

Quay answers 401 to a `pull` token of a robot account that may create repositories.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

import pipeline
from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent
from pipeline.reference import Digest, Repository, parse_reference
from pipeline.registry.auth.credential import Credential, nobody
from pipeline.registry.blobs import RemoteRepository, Transfer, copy_blob
from pipeline.registry.client import Registry
from pipeline.registry.contents import Part
from tests.support.scripted_server import Reply, Request, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.registry.auth.credential import CredentialSource

QUICK = Policy(pause=0.001, total=3.0, connect=1.0, read=1.0)
JSON = {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"}
DIGEST = Digest(f"sha256:{'a' * 64}")
PULL, PUSH = "repository:acme/new:pull", "repository:acme/new:pull,push"


def robot_account(_place: str, /) -> Credential:
    """Return the credential of an account that may create repositories."""
    return Credential("acme+robot", "a-secret", "the test")


def quay(request: Request) -> Reply:
    """Grant the requested scope; know `acme/new` only with permission to push."""
    url = urlsplit(request.path)
    if url.path == "/token":
        scopes = "+".join(parse_qs(url.query)["scope"]).replace(" ", "+")
        return Reply(200, {}, f'{{"token": "{scopes}"}}'.encode())
    if PUSH not in request.headers.get("authorization", ""):
        where = f'Bearer realm="http://{request.headers["host"]}/token",service="s"'
        return Reply(401, {**JSON, "WWW-Authenticate": where})
    if request.method == "POST":
        return Reply(201)
    return Reply(404, JSON, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Start the registry."""
    with scripted_server(quay) as running:
        yield running


def scopes(server: ScriptedServer) -> list[str]:
    """Return the scopes of the token requests."""
    requests = [urlsplit(one.path) for one in server.requests]
    return [" ".join(parse_qs(url.query)["scope"]) for url in requests if url.path == "/token"]


def client(source: CredentialSource = robot_account) -> Registry:
    """Return a client."""
    return Registry(credentials=source, policy=QUICK)


def test_a_destination_is_queried_again_with_push_scope(server: ScriptedServer) -> None:
    """A second query with the token for the push; later queries use it at once."""
    first, second = (parse_reference(f"{server.address}/acme/new:{tag}") for tag in "12")
    with client() as registry:
        registry.pushes_to([first.repository])
        assert registry.head(first) == Absent()
        times = server.count("HEAD")
        assert registry.head(second) == Absent()

    assert scopes(server) == [PULL, PUSH]
    assert (times, server.count("HEAD")) == (3, 4)


def test_two_simultaneous_queries_of_a_new_repository() -> None:
    """An image and its alias: both are refused before either is repeated."""
    both = threading.Barrier(2)

    def script(request: Request) -> Reply:
        shown = request.headers.get("authorization", "")
        if shown and "/acme/old/" in request.path:
            return Reply(404, JSON, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
        if shown.endswith(PULL):
            both.wait(10)
        return quay(request)

    with scripted_server(script) as server, client() as registry:
        names = ("old:1", "new:1", "new:latest")
        wanted = [parse_reference(f"{server.address}/acme/{name}") for name in names]
        registry.pushes_to(one.repository for one in wanted)
        found = registry.head_all(wanted)

    assert set(found.values()) == {Absent()}
    assert scopes(server).count(PUSH) == 1


def test_a_temporary_failure_is_no_refusal() -> None:
    """A 503 for the token of the push is retried."""
    troubles = iter([Reply(503)])

    def script(request: Request) -> Reply:
        wide = request.path.startswith("/token") and "push" in request.path
        return (wide and next(troubles, None)) or quay(request)

    with scripted_server(script) as server, client() as registry:
        reference = parse_reference(f"{server.address}/acme/new:1")
        registry.pushes_to([reference.repository])
        assert registry.head(reference) == Absent()


def test_externals_are_not_queried_with_push_scope(server: ScriptedServer) -> None:
    """An external is never queried with permission to push."""
    with client() as registry:
        registry.pushes_to([parse_reference(f"{server.address}/acme/other:1").repository])
        with pytest.raises(HttpError, match="refused the credential"):
            registry.head(parse_reference(f"{server.address}/acme/new:1"))

    assert set(scopes(server)) == {PULL}


def test_nobody_may_push(server: ScriptedServer) -> None:
    """Without a credential there is no wider token."""
    reference = parse_reference(f"{server.address}/acme/new:1")
    with client(nobody) as registry:
        registry.pushes_to([reference.repository])
        with pytest.raises(HttpError, match="there is no credential"):
            registry.head(reference)

    assert set(scopes(server)) == {PULL}


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_refused_push_scope(status: int) -> None:
    """One more token request in all; the error is the first one."""

    def script(request: Request) -> Reply:
        if request.path.startswith("/token") and "push" in request.path:
            return Reply(status, {}, b'{"token": "weak"}')
        return quay(request)

    with scripted_server(script) as server, client() as registry:
        reference = parse_reference(f"{server.address}/acme/new:1")
        registry.pushes_to([reference.repository])
        for _ in range(2):
            with pytest.raises(HttpError, match="refused the credential from the test"):
                registry.head(reference)

    assert scopes(server).count(PUSH) == 1


def test_basic_has_no_scope() -> None:
    """Basic authentication has no scopes."""
    script = lambda _: Reply(401, {**JSON, "WWW-Authenticate": "Basic realm=r"})  # noqa: E731
    with scripted_server(script) as server, client() as registry:
        reference = parse_reference(f"{server.address}/acme/new:1")
        registry.pushes_to([reference.repository])
        with pytest.raises(HttpError, match="refused the credential"):
            registry.head(reference)

    assert [one.method for one in server.requests] == ["HEAD", "GET"]


def test_a_blob_of_a_new_repository(server: ScriptedServer) -> None:
    """A copy queries a blob of the destination before the first push."""
    with client() as registry, scripted_server(lambda _: Reply(500)) as other:
        there = parse_reference(f"{server.address}/acme/new:1")
        registry.pushes_to([there.repository])
        source = RemoteRepository(registry.host(Repository(other.address, "acme")), "acme/old")
        destination = RemoteRepository(
            registry.host(Repository(server.address, "acme")), "acme/new"
        )
        with pytest.raises(HttpError, match="`acme/new`") as caught:
            copy_blob(Part(DIGEST, 1), Transfer(source, destination, threading.Event()))

    assert "401" not in caught.value.message
    assert server.count("HEAD") == 3
    assert scopes(server) == [PULL, PUSH]


def test_a_plan_before_the_first_push(server: ScriptedServer, tmp_path: Path) -> None:
    """The first query of a project's image is for a repository that we push to."""
    (tmp_path / "images/new").mkdir(parents=True)
    (tmp_path / "images/new/Dockerfile").write_text("FROM scratch\n")
    settings = f'registry = {{ host = "{server.address}", repository = "acme/{{name}}" }}\n'
    (tmp_path / "pipeline.toml").write_text(settings)
    login = {"auths": {server.address: {"auth": robot_account("").basic}}}
    environ = {"HOME": str(tmp_path), "DOCKER_AUTH_CONFIG": json.dumps(login)}

    state = pipeline.inspect(pipeline.load(tmp_path, environ=environ), environ=environ)

    assert list(state.presence.values()) == [Absent()]
    assert PUSH in scopes(server)
