"""Credentials are sent only to their own host: foreign servers record what they get.

The registry is `127.0.0.1`, the foreign server `localhost`: another name, and another port.
"""

from __future__ import annotations

import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent, Present
from pipeline.reference import Digest, Repository, parse_reference
from pipeline.registry.auth.credential import Credential, Kind
from pipeline.registry.blobs import RemoteRepository, Transfer, copy_blob
from pipeline.registry.client import Registry
from pipeline.registry.contents import Part
from pipeline.registry.manifest import Manifest, digest_of
from pipeline.registry.request import Request
from tests.support.scripted_server import Reply, ScriptedServer, scripted_server
from tests.support.scripted_server import Request as ScriptedRequest
from tests.support.secured_registry import create_certificate
from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Script = Callable[[ScriptedRequest], Reply]

QUICK = Policy(attempts=2, pause=0.001, total=3.0, connect=1.0, read=1.0)
SECRET = "fm2_the-secret,fm2_and-its-other-part"
BEARER = "a-bearer-token-of-the-registry"
QUERY = "X-Amz-Signature=a-signature-of-an-address"
KNOWN = Credential("x", SECRET, "the test")
IDENTITY = Credential("x", SECRET, "the test", Kind.IDENTITY_TOKEN)
MANIFEST = b'{"schemaVersion": 2, "layers": []}'
TYPE = "application/vnd.oci.image.manifest.v1+json"
FOUND = Reply(
    200, {"Content-Type": TYPE, "Docker-Content-Digest": str(digest_of(MANIFEST))}, MANIFEST
)


class ForeignServer:
    """A server that answers whatever `script` says, and remembers."""

    def __init__(self) -> None:
        self.script: Script = lambda _: Reply(200)
        self.server: ScriptedServer | None = None

    def answer(self, request: ScriptedRequest) -> Reply:
        """Answer with the current script."""
        return self.script(request)

    @property
    def address(self) -> str:
        """Return its address with another host name than the registry's."""
        assert self.server
        return self.server.address.replace("127.0.0.1", "localhost")

    @property
    def requests(self) -> list[ScriptedRequest]:
        """Return the requests that it got."""
        return self.server.requests if self.server else []


@pytest.fixture
def foreign_server() -> Iterator[ForeignServer]:
    """Start a foreign server, and check that no request to it had a secret."""
    made = ForeignServer()
    with scripted_server(made.answer) as server:
        made.server = server
        yield made
        for one in made.requests:
            whole = f"{one.method} {one.path} {dict(one.headers)} {one.body!r}"
            for secret in (*KNOWN.forms, BEARER):
                assert secret not in whole


def result_of_head(registry: Registry, address: str, tag: str = "1") -> object:
    """Return the result of querying an image: a presence, or the whole text of an error."""
    try:
        return registry.head(parse_reference(f"{address}/acme:{tag}"))
    except HttpError as error:
        return f"{error.message} {error.hint} {error.url} {error.codes} {error!r}"


def head_of(registry: Script, known: Credential = KNOWN) -> tuple[object, list[ScriptedRequest]]:
    """Return the result of a HEAD, and the registry's requests."""
    with (
        scripted_server(registry) as server,
        Registry(credentials=lambda _place: known, policy=QUICK) as client,
    ):
        return result_of_head(client, server.address), list(server.requests)


def with_token(then: Script) -> Script:
    """Return a registry that requires its bearer token; `then` answers requests with it."""

    def script(request: ScriptedRequest) -> Reply:
        if request.path.startswith("/token"):
            return Reply(200, {}, f'{{"token": "{BEARER}"}}'.encode())
        if request.headers.get("authorization") == f"Bearer {BEARER}":
            return then(request)
        realm = f'Bearer realm="http://{request.headers["host"]}/token",service="s"'
        return Reply(401, {"WWW-Authenticate": realm})

    return script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("bearer", [False, True])
def test_a_redirect_gets_no_credential(
    foreign_server: ForeignServer, status: int, *, bearer: bool
) -> None:
    """The foreign server gets the request without the credential."""
    there = {"Location": f"http://{foreign_server.address}/there?{QUERY}"}
    redirect: Script = lambda _: Reply(status, there)  # noqa: E731
    foreign_server.script = lambda _: FOUND

    found, requests = head_of(with_token(redirect) if bearer else redirect)

    assert isinstance(found, Present)
    assert foreign_server.requests
    assert any(one.headers.get("authorization") for one in requests)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("bearer", [False, True])
def test_a_challenge_of_a_foreign_host_gets_no_credential(
    foreign_server: ForeignServer, scheme: str, *, bearer: bool
) -> None:
    """CVE-2020-15157: a 401 of the redirect's host is not the registry's."""
    there = {"Location": f"http://{foreign_server.address}/there?{QUERY}"}
    redirect: Script = lambda _: Reply(307, there)  # noqa: E731
    challenge = f'{scheme} realm="http://{foreign_server.address}/token",service="s"'
    foreign_server.script = lambda _: Reply(401, {"WWW-Authenticate": challenge})

    found, _ = head_of(with_token(redirect) if bearer else redirect)

    assert isinstance(found, str)
    assert "signature" not in found
    assert foreign_server.requests
    assert not [one for one in foreign_server.requests if one.path.startswith("/token")]


@pytest.mark.parametrize("known", [KNOWN, IDENTITY])
def test_a_foreign_realm_gets_no_request(foreign_server: ForeignServer, known: Credential) -> None:
    """CVE-2025-51471: otherwise a registry could send the credential to any host."""
    challenge = f'Bearer realm="http://{foreign_server.address}/token",service="s"'

    found, _ = head_of(lambda _: Reply(401, {"WWW-Authenticate": challenge}), known)

    assert isinstance(found, str)
    assert "not trusted" in found
    assert foreign_server.requests == []


@pytest.mark.parametrize("known", [KNOWN, IDENTITY])
@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirects_of_a_token_server_are_not_followed(
    foreign_server: ForeignServer, known: Credential, status: int
) -> None:
    """Redirects of token requests are not followed: they contain the credential."""

    def script(request: ScriptedRequest) -> Reply:
        if request.path.startswith("/token"):
            return Reply(status, {"Location": f"http://{foreign_server.address}/token"})
        challenge = f'Bearer realm="http://{request.headers["host"]}/token"'
        return Reply(401, {"WWW-Authenticate": challenge})

    found, requests = head_of(script, known)

    assert isinstance(found, str)
    assert any(one.path.startswith("/token") for one in requests)
    assert foreign_server.requests == []


@pytest.mark.parametrize("bearer", [False, True])
def test_an_upload_goes_only_to_the_registry(
    foreign_server: ForeignServer, *, bearer: bool
) -> None:
    """The `Location` of an upload on another host, and a redirect of a request with a body."""
    there = {"Location": f"http://{foreign_server.address}/upload?{QUERY}"}

    def script(request: ScriptedRequest) -> Reply:
        if request.method == "PUT":
            return Reply(307, there)
        return Reply(202, there) if request.method == "POST" else Reply(404)

    with (
        scripted_server(with_token(script) if bearer else script) as server,
        Registry(credentials=lambda _place: KNOWN, policy=QUICK) as registry,
    ):
        host = registry.host(Repository(server.address, "acme"))
        blob = Part(Digest(f"sha256:{'0' * 64}"), 3)
        reference = parse_reference(f"{server.address}/acme:1")
        with pytest.raises(HttpError, match="another host") as upload:
            copy_blob(
                blob,
                Transfer(
                    RemoteRepository(host, "from"), RemoteRepository(host, "to"), threading.Event()
                ),
            )
        with pytest.raises(HttpError) as put:
            registry.put(reference, Manifest(MANIFEST, TYPE, digest_of(MANIFEST)))

    assert "signature" not in f"{upload.value!r} {upload.value.url} {put.value!r} {put.value.url}"
    assert foreign_server.requests == []


def test_a_blob_from_another_host(foreign_server: ForeignServer) -> None:
    """Streamed from an object store, whose address is not shown in messages."""
    there = {"Location": f"http://{foreign_server.address}/blob?{QUERY}"}
    foreign_server.script = lambda _: Reply(403, {}, f"expired: {QUERY}".encode())
    script = with_token(lambda _: Reply(307, there))
    with (
        scripted_server(script) as server,
        Registry(credentials=lambda _place: KNOWN, policy=QUICK) as registry,
    ):
        host = registry.host(Repository(server.address, "acme"))
        with pytest.raises(HttpError) as caught, host.stream(Request("GET", "/v2/a/blobs/b")):
            pytest.fail("it was refused")

    assert foreign_server.requests
    assert "signature" not in f"{caught.value!r} {caught.value.url} {caught.value.hint}"


def test_from_https_to_plain_http(foreign_server: ForeignServer, tmp_path: Path) -> None:
    """Not even without a credential: the response could be from anyone."""
    certificate = create_certificate(tmp_path)
    there = {"Location": f"http://{foreign_server.address}/there"}
    with (
        scripted_server(lambda _: Reply(307, there), certificate) as server,
        Registry(credentials=lambda _place: KNOWN, policy=QUICK, ca=certificate.ca) as registry,
    ):
        found = result_of_head(registry, server.address)

    assert isinstance(found, str)
    assert "plain HTTP" in found
    assert foreign_server.requests == []


def test_an_upload_is_not_cancelled_at_another_host(foreign_server: ForeignServer) -> None:
    """A DELETE is not sent to another host."""
    there = {"Location": f"http://{foreign_server.address}/v2/theirs/blobs/{digest_of(b'')}"}
    with (
        scripted_server(lambda _: Reply(307, there)) as server,
        Registry(credentials=lambda _place: KNOWN, policy=QUICK) as registry,
    ):
        answer = registry.host(Repository(server.address, "acme")).ask(
            Request("DELETE", "/v2/acme/blobs/uploads/1")
        )

    assert answer.status == 307
    assert foreign_server.requests == []


def test_the_client_certificate_is_for_the_registry(tmp_path: Path) -> None:
    """Another host does not get the client certificate, even with a trusted certificate."""
    certificate = create_certificate(tmp_path)
    seen: list[str] = []

    def serve(name: str, location: str = "") -> TlsServer:
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                assert isinstance(self.connection, ssl.SSLSocket)
                seen.append(f"{name} {'somebody' if self.connection.getpeercert() else 'nobody'}")
                self.send_response(307 if location else 200)
                for header in {**FOUND.headers, "Location": location}.items():
                    self.send_header(*header)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        server = TlsServer(("127.0.0.1", 0), Handler)
        server.context = context_of(certificate)
        server.context.verify_mode = ssl.CERT_OPTIONAL
        server.context.load_verify_locations(certificate.ca)
        return server

    store = serve("store")
    first = serve("registry", f"https://localhost:{store.server_port}/")
    address = f"127.0.0.1:{first.server_port}"
    ours = tmp_path / "certs.d" / address
    ours.mkdir(parents=True)
    for source, name in (
        (certificate.ca, "ca.crt"),
        (certificate.certificate, "client.cert"),
        (certificate.key, "client.key"),
    ):
        (ours / name).write_bytes(source.read_bytes())
    with (
        in_background(store),
        in_background(first),
        Registry(certs_d=tmp_path / "certs.d", policy=QUICK) as registry,
    ):
        assert isinstance(result_of_head(registry, address), Present)
    assert seen == ["registry somebody", "store nobody"]


def test_no_credential_over_plain_http() -> None:
    """`127.1` is loopback for the system, but not for our strict check."""
    challenge = {"WWW-Authenticate": 'Basic realm="r"'}
    with scripted_server(lambda _: Reply(401, challenge)) as server:
        address = server.address.replace("127.0.0.1", "127.1")
        with Registry(
            credentials=lambda _place: KNOWN, insecure=frozenset({address}), policy=QUICK
        ) as registry:
            found = result_of_head(registry, address)

    assert isinstance(found, str)
    assert "not sent" in found
    assert server.requests
    assert not any("authorization" in one.headers for one in server.requests)


def test_no_credential_for_a_realm_over_plain_http() -> None:
    """Nor to its token server: only an anonymous token is possible."""
    for known in (KNOWN, IDENTITY):
        gone = Reply(
            404,
            {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"},
        )
        with scripted_server(with_token(lambda _, gone=gone: gone)) as server:  # type: ignore[misc]
            address = server.address.replace("127.0.0.1", "127.1")
            with Registry(
                credentials=lambda _place, known=known: known,
                insecure=frozenset({address}),
                policy=QUICK,
            ) as registry:
                assert result_of_head(registry, address) == Absent()
        for one in server.requests:
            assert SECRET not in f"{one.body!r}"
            assert not one.headers.get("authorization", "").startswith("Basic")


@pytest.mark.parametrize(
    "echo",
    [
        '{{"errors": [{{"code": "DENIED", "message": "{secret} may not"}}]}}',
        '{{"errors": [{{"code": "{secret}", "message": "no"}}]}}',
        '{{"errors": [{{"code": "UNKNOWN", "detail": "{secret}"}}]}}',
    ],
    ids=["message", "code", "detail"],
)
@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_repeated_secret_is_masked(echo: str, status: int) -> None:
    """A registry that repeats our secret, in any encoding and place."""
    headers = {"Content-Type": "application/json"}

    def script(request: ScriptedRequest) -> Reply:
        secret = KNOWN.forms[int(request.path.rpartition("/")[2])]
        return Reply(status, headers, echo.format(secret=secret).encode())

    with (
        scripted_server(script) as server,
        Registry(credentials=lambda _place: KNOWN, policy=QUICK) as registry,
    ):
        for number, secret in enumerate(KNOWN.forms):
            found = result_of_head(registry, server.address, str(number))
            assert isinstance(found, str)
            assert secret.lower() not in found.lower()


def test_a_repeated_token_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    """The registry's token is a secret, too, also after it was replaced."""
    caplog.set_level(logging.DEBUG)
    count = iter(range(100))

    def script(request: ScriptedRequest) -> Reply:
        if request.path.startswith("/token"):
            return Reply(200, {}, f'{{"token": "{BEARER}-{next(count)}"}}'.encode())
        body = f'{{"errors": [{{"code": "DENIED", "message": "{BEARER}-0 and {BEARER}-1"}}]}}'
        challenge = f'Bearer realm="http://{request.headers["host"]}/token"'
        return Reply(401, {"WWW-Authenticate": challenge}, body.encode())

    found, _ = head_of(script)

    assert isinstance(found, str)
    assert "*** and ***" in found
    assert BEARER not in found


def test_nothing_is_logged(foreign_server: ForeignServer, caplog: pytest.LogCaptureFixture) -> None:
    """At any log level: addresses and headers hold secrets."""
    caplog.set_level(logging.DEBUG)
    there = {"Location": f"http://{foreign_server.address}/there?{QUERY}"}
    foreign_server.script = lambda _: FOUND

    found, _ = head_of(with_token(lambda _: Reply(307, there)))

    assert isinstance(found, Present)
    assert "signature" not in caplog.text
    assert BEARER not in caplog.text
