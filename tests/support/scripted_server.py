"""A real server with scripted responses, for what a real registry does not do on demand."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.registry import Certificate

    Script = Callable[["Request"], "Reply"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. With `cut`, that many bytes of the body are sent, then the connection is closed.

    With status 0 the connection is closed without a response.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None


GONE = Reply(
    404,
    {"Content-Type": "application/json", "Docker-Distribution-Api-Version": "registry/2.0"},
    b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}',
)
"""The answer of a registry that has no such manifest."""


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """A running server: its `address` is `127.0.0.1:PORT`, `requests` lists all requests."""

    address: str
    requests: list[Request]

    def count(self, method: str = "") -> int:
        """Count the requests, of one method or of all."""
        return sum(method in ("", one.method) for one in self.requests)


@contextmanager
def scripted_server(
    script: Script, certificate: Certificate | None = None
) -> Iterator[ScriptedServer]:
    """Serve `script` during the block, with a certificate over TLS."""
    requests: list[Request] = []
    server = TlsServer(("127.0.0.1", 0), _handler(script, requests))
    server.context = context_of(certificate) if certificate else None
    with in_background(server):
        yield ScriptedServer(f"127.0.0.1:{server.server_port}", requests)


def _handler(script: Script, requests: list[Request]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        # Else the body waits 40 ms for the client's kernel to acknowledge the headers.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            names = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, names, self.rfile.read(length))
            requests.append(request)
            self._reply(script(request))

        def _reply(self, reply: Reply) -> None:
            if not reply.status:
                self.close_connection = True
                return
            self.send_response(reply.status)
            given = {name.lower() for name in reply.headers}
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "content-length" not in given:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            self.close_connection = reply.cut is not None

        do_GET = do_HEAD = do_PUT = do_POST = _answer  # noqa: N815 - http.server's names
        do_PATCH = do_DELETE = _answer  # noqa: N815

        def handle(self) -> None:
            # Some tests make the client close the connection.
            try:
                super().handle()
            except (ConnectionError, ssl.SSLError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Print nothing: tests read the output."""

    return Handler
