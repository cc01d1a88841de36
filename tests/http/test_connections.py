"""What is sent, byte for byte, also through a proxy: real sockets, real TLS."""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from pipeline.http.connections import Connections
from pipeline.http.errors import HttpError
from pipeline.http.retry import Policy
from pipeline.http.send import send
from pipeline.http.tls import nothing
from pipeline.model.permission import parse_allowed
from pipeline.model.presence import Absent, Present
from pipeline.reference import parse_reference
from pipeline.registry.auth.credential import Credential
from pipeline.registry.client import Registry
from pipeline.registry.manifest import digest_of
from tests.support.connect_proxy import connect_proxy
from tests.support.scripted_server import Reply, Request, scripted_server
from tests.support.secured_registry import create_certificate
from tests.support.server_thread import in_background
from tests.support.tls_server import context_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from pipeline.model.presence import Presence
    from tests.support.connect_proxy import Tunnels

NAME = "registry.test"
QUICK = Policy(attempts=1, pause=0.001, total=3.0, connect=1.0, read=1.0)
PATIENT = Policy(attempts=1, total=60.0, connect=30.0, read=30.0)
BODY = b'{"schemaVersion": 2}'
FOUND = {
    "Content-Type": "application/vnd.oci.image.manifest.v1+json",
    "Docker-Content-Digest": str(digest_of(BODY)),
}
SECRET = "a-secret-of-the-registry"


@pytest.fixture
def proxy_environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return an environment without a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.fixture
def tunnels(tmp_path: Path) -> Iterator[tuple[Tunnels, Path]]:
    """Start a proxy to `registry.test`; yield it, and the registry's certificate authority."""
    certificate = create_certificate(tmp_path, NAME)
    with (
        scripted_server(lambda _: Reply(200, FOUND, BODY), certificate) as server,
        connect_proxy(server.address) as proxy,
    ):
        yield proxy, certificate.ca


def ask(ca: Path | None = None, name: str = NAME, policy: Policy = PATIENT) -> Presence:
    """Query an image of a registry, with a credential."""
    known = Credential("x", SECRET, "the test")
    with Registry(credentials=lambda _: known, ca=ca, policy=policy) as registry:
        return registry.head(parse_reference(f"{name}/acme/web:1"))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_request_through_a_proxy(
    proxy_environ: pytest.MonkeyPatch, tunnels: tuple[Tunnels, Path], variable: str
) -> None:
    """The proxy resolves the name, and sees the tunnel, but not our credential."""
    proxy, ca = tunnels
    proxy_environ.setenv(variable, f"http://{proxy.address}")

    assert isinstance(ask(ca), Present)
    assert proxy.heads[0].startswith(f"CONNECT {NAME}:443 ")
    assert "authorization" not in proxy.heads[0].lower()


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_with_a_password(
    proxy_environ: pytest.MonkeyPatch, tunnels: tuple[Tunnels, Path], scheme: str
) -> None:
    """User and password in its address, percent-encoded."""
    proxy, ca = tunnels
    proxy_environ.setenv("HTTPS_PROXY", f"{scheme}me:p%40ss@{proxy.address}")

    assert isinstance(ask(ca), Present)
    assert "Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in proxy.heads[0]


@pytest.mark.parametrize("left_out", [NAME, "test", ".test", "*", f"other,{NAME}:443"])
def test_no_proxy(
    proxy_environ: pytest.MonkeyPatch, tunnels: tuple[Tunnels, Path], left_out: str
) -> None:
    """`NO_PROXY` has the host, a parent domain, or `*`; the name does not resolve here."""
    proxy, ca = tunnels
    proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    proxy_environ.setenv("NO_PROXY", left_out)

    with pytest.raises(HttpError, match="its name cannot be resolved"):
        ask(ca, f"{NAME}:443")
    assert proxy.heads == []


def test_loopback_uses_no_proxy(proxy_environ: pytest.MonkeyPatch) -> None:
    """A registry on loopback is never reached through a proxy."""
    with (
        scripted_server(lambda _: Reply(200, FOUND, BODY)) as server,
        connect_proxy(server.address) as proxy,
    ):
        proxy_environ.setenv("ALL_PROXY", f"http://{proxy.address}")

        assert isinstance(ask(name=server.address), Present)
        assert proxy.heads == []


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("407 Proxy Authentication Required", "user and password"),
        ("403 Forbidden", "NO_PROXY"),
        ("503 No Way", "NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses(proxy_environ: pytest.MonkeyPatch, status: str, hint: str) -> None:
    """The error names the proxy, without the password in its address."""
    with connect_proxy("127.0.0.1:1", status=status) as proxy:
        proxy_environ.setenv("HTTPS_PROXY", f"http://me:hidden@{proxy.address}")

        with pytest.raises(HttpError) as caught:
            ask()
    assert caught.value.message == (
        f"the proxy `{proxy.address}` refuses to connect to `{NAME}`: {status}"
    )
    assert caught.value.details.transient is status.startswith("503")
    assert "HTTPS_PROXY" in caught.value.hint
    assert hint in caught.value.hint
    assert "hidden" not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize("status", [403, 502, 503, 504])
def test_a_proxy_that_answers_for_the_registry(
    proxy_environ: pytest.MonkeyPatch, status: int
) -> None:
    """A proxy that answers the request of a plain registry itself."""

    def script(_: Request) -> Reply:
        return Reply(status, {"Content-Type": "text/html"}, b"<h1>Forbidden</h1>")

    name = "192.0.2.7:5000"
    with scripted_server(script) as proxy:
        proxy_environ.setenv("HTTP_PROXY", f"http://{proxy.address}")
        proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with (
            Registry(insecure=frozenset({name}), policy=QUICK) as registry,
            pytest.raises(HttpError) as caught,
        ):
            registry.head(parse_reference(f"{name}/acme/web:1"))

        assert {one.path for one in proxy.requests} == {f"http://{name}/v2/acme/web/manifests/1"}
    assert f"through the proxy `{proxy.address}`" in caught.value.message
    assert "NO_PROXY" in caught.value.hint


def test_an_insecure_registry_behind_a_proxy_may_speak_tls(
    proxy_environ: pytest.MonkeyPatch, tunnels: tuple[Tunnels, Path]
) -> None:
    """Its certificate is not checked, but TLS is used."""
    proxy, _ = tunnels
    proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    name = f"{NAME}:5000"
    with Registry(insecure=frozenset({name}), policy=QUICK) as registry:
        assert isinstance(registry.head(parse_reference(f"{name}/acme/web:1")), Present)

    assert all(head.startswith(f"CONNECT {name} ") for head in proxy.heads)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_public_registry_with_private_storage(
    proxy_environ: pytest.MonkeyPatch, tmp_path: Path, *, allowed: bool
) -> None:
    """Its storage may have a private address, if the user allows it."""
    certificate = create_certificate(tmp_path, NAME, "store.internal")

    def script(request: Request) -> Reply:
        there = request.headers["host"] == "store.internal"
        return Reply(200, FOUND) if there else Reply(307, {"Location": "https://store.internal/"})

    with scripted_server(script, certificate) as server, connect_proxy(server.address) as proxy:
        proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        word = f"private={NAME}/store.internal"
        pairs = parse_allowed(word).private if allowed else ()
        with Registry(ca=certificate.ca, policy=PATIENT, private=pairs) as registry:
            wanted = parse_reference(f"{NAME}/acme/web:1")
            if allowed:
                assert isinstance(registry.head(wanted), Present)
                return
            with pytest.raises(HttpError, match="into a private network") as caught:
                registry.head(wanted)
    assert f"`PIPELINE_ALLOW={word}`" in caught.value.hint
    assert len(proxy.heads) == 1


@pytest.mark.parametrize("host", ["a..b", ".example.com", f"{'a' * 64}.com"])
def test_names_that_only_a_proxy_accepts(
    proxy_environ: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    """Names that were not resolved before TLS checks the certificate."""
    certificate = create_certificate(tmp_path, NAME)
    there = {"Location": f"https://{host}/"}
    with (
        scripted_server(lambda _: Reply(307, there), certificate) as server,
        connect_proxy(server.address) as proxy,
    ):
        proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(HttpError, match=f"no answer from `{host}`"):
            ask(certificate.ca)
        assert len(proxy.heads) == 2


def connection_error(address: str) -> str:
    """Return the error if nobody listens."""
    return f"no answer from the proxy `{address}`: connection refused"


@pytest.mark.parametrize("name", [NAME, "192.0.2.7:5000"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down(proxy_environ: pytest.MonkeyPatch, scheme: str, name: str) -> None:
    """The error blames the proxy, by name or by address."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        address = f"127.0.0.1:{server.server_address[1]}"
    proxy_environ.setenv("https_proxy", f"{scheme}://me:hidden@{address}")

    with pytest.raises(HttpError) as caught:
        ask(name=name)
    assert caught.value.message == connection_error(address)
    assert caught.value.hint.startswith(
        "https_proxy names it; NO_PROXY names the hosts that are reached without"
    )
    assert "hidden" not in f"{caught.value!r} {caught.value.hint}"


def test_a_proxy_that_closes_the_connection(proxy_environ: pytest.MonkeyPatch) -> None:
    """Before the tunnel exists, the proxy is at fault."""
    with slow_server(b"", resets_connection=True) as address:
        proxy_environ.setenv("HTTPS_PROXY", f"http://{address}")
        with pytest.raises(HttpError, match=f"the proxy `{address}` broke off"):
            ask()


def test_a_registry_behind_a_proxy_that_closes_the_connection(
    proxy_environ: pytest.MonkeyPatch,
) -> None:
    """After that, the registry is."""
    with slow_server(b"", resets_connection=True) as server, connect_proxy(server) as proxy:
        proxy_environ.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        with pytest.raises(HttpError, match=f"^`{NAME}` broke off"):
            ask()


def test_a_proxy_whose_certificate_is_not_trusted(
    proxy_environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error says that it is the proxy's certificate."""
    with scripted_server(lambda _: Reply(200), create_certificate(tmp_path, "127.0.0.1")) as server:
        proxy_environ.setenv("HTTPS_PROXY", f"https://{server.address}")
        with pytest.raises(HttpError, match=f"the proxy `{server.address}` shows a cert"):
            ask()


@pytest.mark.parametrize("named", ["socks5://127.0.0.1:1", "ftp://a", "http://", "http://a:port"])
def test_an_invalid_proxy(proxy_environ: pytest.MonkeyPatch, named: str) -> None:
    """An unusable proxy is an error: ignoring it would bypass it."""
    proxy_environ.setenv("HTTPS_PROXY", named)

    with pytest.raises(HttpError, match="the proxy that the environment names in HTTPS_PROXY"):
        ask()


@pytest.mark.parametrize(
    ("method", "body", "length", "arrives"),
    [
        ("GET", None, None, b""),
        ("DELETE", None, None, b""),
        ("POST", None, "0", b""),
        ("PUT", b"", "0", b""),
        ("PUT", b"abc", "3", b"abc"),
        ("PUT", [b"ab", b"", b"c"], "3", b"abc"),
    ],
)
def test_content_length(
    method: str, body: bytes | Iterable[bytes] | None, length: str | None, arrives: bytes
) -> None:
    """Every body has a length, also an empty one: servers refuse a POST or PUT without."""
    ours = {"Content-Length": "3"} if isinstance(body, list) else {}
    with scripted_server(lambda _: Reply(201)) as server:
        http = Connections(nothing(), proxies=False, policy=PATIENT)
        with http.stream(method, f"http://{server.address}/", headers=ours, body=body) as answer:
            assert answer.status == 201
        http.close()

    assert server.requests[0].headers.get("content-length") == length
    assert server.requests[0].body == arrives


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "/"),
        ("/a b", "/a%20b"),
        ("/a%2Fb?c=%20&d=e+f", "/a%2Fb?c=%20&d=e+f"),
        ("/ü?ü#part", "/%C3%BC?%C3%BC"),
        ("/a?", "/a"),
    ],
)
def test_quoting_of_paths(given: str, expected: str) -> None:
    """Quoted characters stay quoted, others are quoted, and the fragment is dropped."""
    with scripted_server(lambda _: Reply(200)) as server:
        http = Connections(nothing(), proxies=False, policy=PATIENT)
        with http.stream("GET", f"http://{server.address}{given}", headers={}):
            pass
        http.close()

    assert server.requests[0].path == expected
    assert server.requests[0].headers["host"] == server.address


def test_an_unused_body_is_closed_at_once() -> None:
    """Not by garbage collection, which may run in a thread that holds a lock of its source."""
    ended = threading.Event()

    def body() -> Generator[bytes, None, None]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            ended.set()

    http = Connections(nothing(), proxies=False, policy=PATIENT)
    with slow_server(b"", resets_connection=True) as address:
        with pytest.raises(HttpError) as caught:
            send(
                http,
                "PUT",
                f"http://{address}/",
                headers={"Content-Length": str(1 << 30)},
                body=body,
                deadline=time.monotonic() + 5,
            )
        assert ended.is_set(), caught.value
    http.close()


def test_a_slow_head() -> None:
    """Each byte comes in time, but the head must be complete within a second."""
    with slow_server(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1200) as address:
        began = time.monotonic()
        with pytest.raises(HttpError, match=r"no answer from .* in time"):
            ask(name=address, policy=QUICK)

    assert 1.0 <= time.monotonic() - began < 30


def test_a_slow_body() -> None:
    """The same for the first bytes of a body; the rest has the request's deadline."""
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2000\r\n\r\n"
    with slow_server(b"a" * 1200, head) as address:
        began = time.monotonic()
        with (
            pytest.raises(HttpError, match=r"no answer from .* in time"),
            anonymous_client() as known,
        ):
            known.manifest(parse_reference(f"{address}/acme/web:1"))

    assert 1.0 <= time.monotonic() - began < 30


def anonymous_client() -> Registry:
    """Return a client without credentials that makes one attempt."""
    return Registry(policy=QUICK)


@contextmanager
def slow_server(
    text: bytes, at_once: bytes = b"", *, resets_connection: bool = False
) -> Iterator[str]:
    """Serve a byte every 50 ms, or reset each connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if resets_connection or not self.request.recv(1 << 16).startswith((b"GET", b"HEAD")):
                return  # Or the client tried TLS.
            with suppress(OSError):  # The client closes the connection.
                self.request.sendall(at_once)
                for byte in text:
                    self.request.sendall(bytes([byte]))
                    time.sleep(0.05)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        yield f"127.0.0.1:{server.server_address[1]}"


FURTHER = b"".join(
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Type: %s\r\n"
        % FOUND["Content-Type"].encode(),
        b"Docker-Content-Digest: sha256:%s\r\n\r\n" % (b"b" * 64),
    )
)
"""An unrequested response."""
ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
ABSENT += b"Docker-Distribution-Api-Version: registry/2.0\r\n\r\n"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("further", [FURTHER, FURTHER.partition(b"Docker")[0] + b"X: "])
def test_an_unrequested_response_is_ignored(
    proxy_environ: pytest.MonkeyPatch, tmp_path: Path, further: bytes, *, secure: bool
) -> None:
    """A body after a HEAD must not be read as the response to the next request."""
    del proxy_environ
    certificate = create_certificate(tmp_path)
    wanted = context_of(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                line = self.request
                line = wanted.wrap_socket(line, server_side=True) if secure else line
                while line.recv(1 << 16).startswith(b"HEAD"):
                    line.sendall(ABSENT % len(further) + further)
                line.close()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server), Registry(ca=certificate.ca, policy=QUICK) as registry:
        name = f"127.0.0.1:{server.server_address[1]}/acme/web"
        found = [registry.head(parse_reference(f"{name}:{tag}")) for tag in range(3)]
    assert found == [Absent()] * 3


def test_a_connection_is_reused() -> None:
    """If nothing follows a response."""
    lines = set[object]()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            lines.add(self)
            while self.request.recv(1 << 16).startswith(b"GET"):
                self.request.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                self.request.sendall(b"0\r\n\r\n")

    http = Connections(nothing(), proxies=False, policy=PATIENT)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        for _ in range(3):
            send(http, "GET", url, headers={}, deadline=time.monotonic() + 30)
        http.close()
    assert len(lines) == 1
