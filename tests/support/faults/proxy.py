"""A TLS proxy in front of a real registry that forwards requests or injects faults.

It passes on the client's `Host` header, so that the `Location` headers of the registry lead back to
the proxy. Bodies are streamed; only a response that a fault changes is read completely first.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from itertools import chain
from typing import TYPE_CHECKING

from tests.support.faults.fault import Fault, Reply, Request
from tests.support.faults.kinds import RandomFaults, counter, no_faults
from tests.support.forwarding import ForwardingHandler, end_to_end_headers
from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPConnection, HTTPResponse

    from sandbox.registry import Certificate
    from tests.support.registries import Registry

    Choose = Callable[[Request], Fault | None]

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with timeout 0: closing the socket sends RST."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request, the kind of fault (empty for none), and the status that was sent."""

    method: str
    path: str
    kind: str
    status: int
    agent: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status or 'no answer'} {self.kind}".rstrip()


@dataclass(slots=True)
class Proxy:
    """A running proxy. `choose` may be replaced at any time; `log` lists all requests."""

    address: str
    choose: Choose = no_faults
    log: list[LoggedRequest] = field(default_factory=list)
    connections: int = 0
    hung_up: int = 0

    def kinds(self) -> Counter[str]:
        """Count the faults that were injected, by kind."""
        return Counter(entry.kind for entry in self.log if entry.kind)

    def explain(self) -> str:
        """Return one line for each request."""
        return "\n".join(map(str, self.log))


@contextmanager
def faulty_proxy(
    registry: Registry, certificate: Certificate, choose: Choose = no_faults
) -> Iterator[Proxy]:
    """Put a proxy with `certificate` in front of a TLS registry during the block."""
    proxy = Proxy("", choose)
    server = _Server(proxy, registry)
    server.context = context_of(certificate)
    proxy.address = f"127.0.0.1:{server.server_port}"
    with in_background(server):
        yield proxy


class _Server(TlsServer):
    request_queue_size = 64

    def __init__(self, proxy: Proxy, registry: Registry) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy, self.registry = proxy, registry
        self.trust = ssl.create_default_context(cafile=str(registry.ca))
        self._lock = threading.Lock()
        self._count = counter()

    def resets_connection(self) -> bool:
        """Return whether to reset the new connection."""
        with self._lock:
            self.proxy.connections += 1
            choose = self.proxy.choose
            lost = isinstance(choose, RandomFaults) and choose.resets_connection(
                self.proxy.connections
            )
            self.proxy.hung_up += lost
            return lost

    def number(self, method: str, path: str) -> int:
        """Return how many requests to this path there were, this one included."""
        with self._lock:
            return self._count(method, path)


class _Handler(ForwardingHandler):
    server: _Server

    def connect(self) -> HTTPConnection:
        address, trust = self.server.registry.address, self.server.trust
        return HTTPSConnection(address, timeout=60, context=trust)

    def handle(self) -> None:
        if self.server.resets_connection():
            self._hang_up(reset=True)
            return
        # Many faults make the client close the connection.
        with suppress(ConnectionError, TimeoutError, ssl.SSLError, ValueError):
            super().handle()

    def _forward(self) -> None:
        number = self.server.number(self.command, self.path)
        agent = self.headers.get("User-Agent", "")
        asked = Request(self.command, self.path, number, agent)
        fault = self.server.proxy.choose(asked) or Fault("")
        time.sleep(fault.wait)
        if fault.instead or fault.raw:
            for _ in self.request_body():
                pass
            self._send_fault(fault, fault.instead or Reply(0))
            return
        try:
            answer = self.forward(self.path)
        except (HTTPException, OSError) as error:
            self._log_request(f"(the registry itself: {type(error).__name__})", 0)
            self._hang_up(reset=True)
            return
        self._send_response(fault, answer)

    def _send_fault(self, fault: Fault, reply: Reply) -> None:
        self._log_request(fault.kind, reply.status)
        if fault.raw:
            self.wfile.write(fault.raw)
        if reply.status:
            self._send(reply, fault.cut)
        if fault.raw or not reply.status or fault.cut is not None:
            self._hang_up(reset=fault.reset)

    def _send_response(self, fault: Fault, answer: HTTPResponse) -> None:
        headers = end_to_end_headers(answer)
        if fault.change:
            reply = fault.change(Reply(answer.status, headers, answer.read()))
            self._log_request(fault.kind, reply.status, _digest(reply))
            self._send(reply, fault.cut)
        else:
            pieces = self.response_body(answer, headers)
            self._log_request(fault.kind, answer.status)
            self._stream(_head(answer.status, headers), pieces, fault.cut)
        if fault.cut is not None:
            self._hang_up(reset=fault.reset)

    def _send(self, reply: Reply, cut: int | None) -> None:
        headers = dict(reply.headers)
        if self.command != "HEAD":
            headers = dict(reply.given(content_length=str(len(reply.body))).headers)
        body = reply.body if self.command != "HEAD" else b""
        self._stream(_head(reply.status, headers), iter([body]), cut)

    def _stream(self, head: bytes, pieces: Iterator[bytes], cut: int | None) -> None:
        left = 1 << 62 if cut is None else cut
        for piece in chain([head], pieces):
            if piece and left:
                self.wfile.write(piece[:left])
                left = max(left - len(piece), 0)

    def _log_request(self, kind: str, status: int, digest: str = "") -> None:
        agent = self.headers.get("User-Agent", "")
        self.server.proxy.log.append(
            LoggedRequest(self.command, self.path, kind, status, agent, digest)
        )

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        with suppress(OSError, ValueError):
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.rfile.close()
            self.connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _forward  # noqa: N815


def _head(status: int, headers: dict[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _digest(reply: Reply) -> str:
    found = [v for n, v in reply.headers.items() if n.lower() == "docker-content-digest"]
    return found[0] if found else ""
