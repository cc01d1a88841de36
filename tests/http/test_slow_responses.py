"""Slow responses end: real servers that send byte by byte until we close the connection.

The tests check the result. Without the limits a server would continue for ever.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.fly.api import FlyApi
from pipeline.fly.errors import FlyError
from pipeline.fly.queries import machines_of
from pipeline.http.connections import Connections
from pipeline.http.errors import HttpError
from pipeline.http.memory_tls import MemoryTls
from pipeline.http.retry import Policy
from pipeline.http.send import send
from pipeline.http.sockets import Stream, connect
from pipeline.http.timeouts import SlowError, Timeouts
from pipeline.http.tls import nothing, unverified
from pipeline.reference import Repository, parse_reference
from pipeline.registry.client import Registry
from pipeline.registry.request import Request
from tests.support.connect_proxy import connect_proxy
from tests.support.secured_registry import create_certificate
from tests.support.server_thread import in_background
from tests.support.tls_server import context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

SHORT = Policy(attempts=1, pause=0.001, total=0.15, connect=0.1, read=0.1, flow=0.1, storing=0.1)
LONG = Policy(attempts=1, total=300.0, connect=300.0, read=300.0, flow=300.0, storing=300.0)
LATE = "in time"
OK = b"HTTP/1.1 200 OK\r\n"
LARGE = OK + b"Content-Length: 4294967296\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
HEADS = OK + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 990) for n in range(66))
RECORD = b"\x16\x03\x03\x40\x00"
"""The header of a TLS record of 16 KiB."""


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve each connection with a function, until it is closed."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                serve(self.request)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        yield f"127.0.0.1:{server.server_address[1]}"


def endless_server(
    at_once: bytes, again: bytes = b"a", *, pause: float = 0.01
) -> Callable[[socket.socket], None]:
    """Return a server that answers an HTTP request and then sends without end."""

    def serve(line: socket.socket) -> None:
        if line.recv(1 << 16)[:1].isalpha():  # Or the client tries TLS.
            send_endlessly(line, at_once, again, pause=pause)

    return serve


def send_endlessly(
    line: socket.socket, at_once: bytes, again: bytes = b"a", *, pause: float = 0.01
) -> None:
    """Send, then repeat a text until the client closes."""
    line.sendall(at_once)
    while True:
        line.sendall(again)
        time.sleep(pause)


def error_of(ask: Callable[[], object]) -> str:
    """Return the message of the error."""
    with pytest.raises(HttpError) as caught:
        ask()
    return caught.value.message


def send_request(address: str, policy: Policy = SHORT, *, scheme: str = "http") -> str:
    """Return the result of one request."""
    context = unverified() if scheme == "https" else nothing()
    http = Connections(context, proxies=True, policy=policy)
    url, deadline = f"{scheme}://{address}/", time.monotonic() + policy.total
    try:
        return error_of(lambda: send(http, "GET", url, headers={}, deadline=deadline))
    finally:
        http.close()


@pytest.mark.parametrize(
    ("at_once", "again"),
    [
        (b"", b"H"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (OK, b"X: y\r\n"),
        (HEADS, b"a"),
        (OK + b"Content-Length: 1000000\r\n\r\n", b"a"),
        (OK + b"\r\n", b"a"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n", b"a"),
        (CHUNKED + CHUNK + b"5;x=", b"a"),
        (CHUNKED + CHUNK, b"1\r\na\r\n"),
        (CHUNKED + CHUNK + b"0\r\nX: ", b"a"),
        (CHUNKED + CHUNK + b"0\r\n", b"X: y\r\n"),
    ],
    ids=[
        *("status", "102", "headers", "after 64 KiB", "body", "no length", "refusal"),
        *("extension", "chunks", "trailer", "trailers"),
    ],
)
def test_a_slow_response(at_once: bytes, again: bytes) -> None:
    """In the head, in the body, or in the framing of HTTP."""
    with serving(endless_server(at_once, again)) as address, Registry(policy=SHORT) as registry:
        reference = parse_reference(f"{address}/acme:1")
        said = error_of(lambda: registry.manifest(reference))

    assert said == f"no answer from `{address}` {LATE}"


@pytest.mark.parametrize("informs", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_a_server_that_sends_without_end(informs: bytes) -> None:
    """Its amount is limited, not only its time."""
    flood = endless_server(b"", (b"HTTP/1.1 %s\r\n\r\n" % informs) * 1000, pause=0.0)
    with serving(flood) as address:
        said = send_request(address, LONG)

    assert said == f"`{address}` sends headers without an end, and no response"


@pytest.mark.parametrize(
    ("at_once", "again"),
    [(LARGE, b"a"), (CHUNKED + CHUNK + b"5;x=", b"a"), (CHUNKED + CHUNK, b"1\r\na\r\n")],
    ids=["body", "extension", "chunks"],
)
def test_a_blob_needs_a_minimal_rate(at_once: bytes, again: bytes) -> None:
    """A blob may take long, but needs a minimal rate."""
    with (
        serving(endless_server(at_once, again)) as address,
        Registry(policy=replace(LONG, flow=0.1)) as registry,
        pytest.raises(HttpError) as caught,
    ):
        read(registry, address)

    assert caught.value.message == f"`{address}` is too slow: 64 KiB take over 0.1 s"
    assert caught.value.details.transient


def read(registry: Registry, address: str) -> int:
    """Read a blob, and return the number of bytes."""
    with registry.host(Repository(address, "acme")).stream(
        Request("GET", "/v2/acme/blobs/b")
    ) as pieces:
        return sum(map(len, pieces))


@pytest.mark.parametrize(
    ("seconds", "size", "flows"),
    [(29.0, 1 << 16, True), (10.0, 1 << 15, True), (10.0, 1 << 13, False), (31.0, 1, False)],
)
@pytest.mark.parametrize("taken", [False, True])
def test_a_layer_may_take_hours(seconds: float, size: int, *, flows: bool, taken: bool) -> None:
    """Each 64 KiB must be transferred within 30 seconds, not all of it."""
    timeouts = Timeouts(Policy())
    if not taken:
        timeouts.head_is_here()
    ends = nullcontext() if flows else pytest.raises(SlowError)
    with ends:
        for _ in range(1000):
            if taken:
                timeouts.wrote(size, seconds)
            else:
                timeouts.read(size, seconds)
                timeouts.flowed(size)


def test_the_latency_counts_from_before_the_last_write() -> None:
    """A thread that has to wait for the others after a write takes no host for a nearer one."""
    timeouts = Timeouts(Policy())
    timeouts.wrote(100, seconds=5.0)
    timeouts.head_is_here()

    assert timeouts.latency >= 5.0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_body_that_is_not_read(*, streamed: bool) -> None:
    """The server reads slowly, with a body larger than the socket buffers."""
    over = threading.Event()

    def serve(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        while not over.wait(0.01):
            line.recv(1)

    def pieces() -> Generator[bytes, None, None]:
        while True:
            yield bytes(1 << 16)

    body = pieces if streamed else bytes(1 << 26)
    with serving(serve) as address:
        http = Connections(nothing(), proxies=False, policy=SHORT)
        said = error_of(
            lambda: send(
                http,
                "PUT",
                f"http://{address}/",
                headers={"Content-Length": str(1 << 40)} if streamed else {},
                body=body,
                deadline=time.monotonic() + SHORT.total,
            )
        )
        http.close()
        over.set()

    # The size of the buffers decides whether anything is read before the timeout.
    assert said in {
        f"no answer from `{address}` {LATE}",
        f"`{address}` is too slow: 64 KiB take over 0.1 s",
    }


def test_the_response_to_an_upload() -> None:
    """It has more time, because the registry stores the blob; but not for ever."""

    def serve(line: socket.socket) -> None:
        line.recv(1 << 16)
        send_endlessly(line, b"", b"HTTP/1.1 100 Continue\r\n\r\n")

    def pieces() -> Generator[bytes, None, None]:
        yield b"abc"

    with serving(serve) as address:
        http = Connections(nothing(), proxies=False, policy=SHORT)
        url, length = f"http://{address}/", {"Content-Length": "3"}
        ask = lambda: send(http, "PUT", url, headers=length, body=pieces, deadline=0.0)  # noqa: E731
        assert error_of(ask) == f"no answer from `{address}` {LATE}"
        http.close()


def test_a_slow_handshake() -> None:
    """A TLS record that is never complete."""
    with serving(lambda line: send_endlessly(line, RECORD)) as address:
        assert send_request(address, scheme="https") == f"no answer from `{address}` {LATE}"


def test_a_slow_probe_for_tls() -> None:
    """The same in memory, for a host that may use plain HTTP."""
    with serving(lambda line: send_endlessly(line, RECORD)) as address:
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port))) as line, pytest.raises(TimeoutError):
            MemoryTls(line, unverified(), host, 0.1)


class TlsConnection:
    """The server's side of a TLS connection over any transport."""

    def __init__(self, line: socket.socket, context: ssl.SSLContext) -> None:
        self._line = line
        self._restore_signals, self.said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._restore_signals, self.said, server_side=True)
        self._do(self._tls.do_handshake)
        line.sendall(self.said.read())

    def recv(self) -> bytes:
        """Return what the client sends."""
        found: list[bytes] = []
        self._do(lambda: found.append(self._tls.read(1 << 16)))
        return b"".join(found)

    def record(self, text: bytes) -> bytes:
        """Return the TLS record of a text."""
        self._tls.write(text)
        return self.said.read()

    def _do(self, act: Callable[[], object]) -> None:
        while True:
            try:
                act()
            except ssl.SSLWantReadError:
                if self.said.pending:
                    self._line.sendall(self.said.read())
                if not (data := self._line.recv(1 << 16)):
                    raise OSError from None
                self._restore_signals.write(data)
            else:
                return


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return the TLS context of the servers."""
    return context_of(create_certificate(tmp_path_factory.mktemp("tls")))


def test_records_of_one_byte(server_tls: ssl.SSLContext) -> None:
    """Each is complete, and comes in time."""

    def serve(line: socket.socket) -> None:
        secured = TlsConnection(line, server_tls)
        secured.recv()
        while True:
            line.sendall(secured.record(b"H"))
            time.sleep(0.01)

    with serving(serve) as address:
        assert send_request(address, scheme="https") == f"no answer from `{address}` {LATE}"


def test_a_record_byte_by_byte(server_tls: ssl.SSLContext) -> None:
    """A response in one record, which can be read only when it is complete."""

    def serve(line: socket.socket) -> None:
        secured = TlsConnection(line, server_tls)
        secured.recv()
        for byte in secured.record(OK + b"Content-Length: 9000\r\n\r\n" + bytes(9000)):
            line.sendall(bytes([byte]))
            time.sleep(0.01)

    with serving(serve) as address:
        assert send_request(address, scheme="https") == f"no answer from `{address}` {LATE}"


@pytest.mark.parametrize(
    ("at_once", "again"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\nX: ", b"a"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
)
def test_a_slow_proxy(monkeypatch: pytest.MonkeyPatch, at_once: bytes, again: bytes) -> None:
    """The response to CONNECT: the error names the proxy."""
    with serving(endless_server(at_once, again)) as address:
        monkeypatch.setenv("https_proxy", f"http://{address}")
        said = send_request("registry.test", scheme="https")

    assert said == f"no answer from the proxy `{address}` {LATE}"


def test_a_slow_handshake_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the registry."""

    def serve(line: socket.socket) -> None:
        line.recv(1 << 16)
        send_endlessly(line, RECORD)

    with serving(serve) as server, connect_proxy(server) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        said = send_request("registry.test", replace(LONG, connect=0.1), scheme="https")

    assert said == f"no answer from `registry.test` {LATE}"


def within_tls(address: str, policy: Policy) -> Stream:
    """Open TLS inside the TLS of a proxy."""
    host, _, port = address.partition(":")
    timeouts = Timeouts(policy, until=time.monotonic() + policy.total)
    outer = connect(host, int(port), timeouts)
    secured = outer.start_tls(unverified(), host, timeouts)
    return secured.start_tls(unverified(), host, timeouts)


def test_a_slow_handshake_within_tls(server_tls: ssl.SSLContext) -> None:
    """Each piece of it is a complete record of the outer connection."""

    def serve(line: socket.socket) -> None:
        outer = TlsConnection(line, server_tls)
        while True:
            line.sendall(outer.record(RECORD))
            time.sleep(0.01)

    with serving(serve) as address, pytest.raises(TimeoutError):
        within_tls(address, SHORT)


def test_tls_within_tls(server_tls: ssl.SSLContext) -> None:
    """Data passes through both in both directions."""

    def serve(line: socket.socket) -> None:
        with server_tls.wrap_socket(line, server_side=True) as outer:
            inner = TlsConnection(outer, server_tls)
            while text := inner.recv():
                outer.sendall(inner.record(text.upper()))

    with serving(serve) as address:
        stream = within_tls(address, LONG)
        timeouts = Timeouts(LONG)
        stream.write(b"hello", timeouts)
        assert stream.read(timeouts) == b"HELLO"
        stream.close()


def test_the_api_of_fly() -> None:
    """The same limits apply to Fly's APIs."""
    with serving(endless_server(HEADS)) as address:
        environ = {"FLY_API_TOKEN": "fm2_a", "FLY_FLAPS_BASE_URL": f"http://{address}"}
        with FlyApi(environ, policy=SHORT) as api, pytest.raises(FlyError) as caught:
            machines_of(api, "acme-web")

    assert caught.value.message == f"Fly could not be queried: no answer from `{address}` {LATE}"
