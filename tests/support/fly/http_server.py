"""HTTP on real sockets: requests, responses, and a server that calls one function."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.registry import Certificate

    Handle = Callable[["Exchange"], None]
    JsonHandle = Callable[["HttpRequest"], "Answer"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request: header names in lower case, the segments of its path unquoted."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def segments(self) -> tuple[str, ...]:
        """Split the path without its query: `/v1/apps/web` is `("v1", "apps", "web")`."""
        return tuple(unquote(one) for one in urlsplit(self.target).path.strip("/").split("/"))

    @property
    def query(self) -> dict[str, str]:
        """Return the last value of each parameter."""
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    def values(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return parse_qs(urlsplit(self.target).query).get(name, [])

    @property
    def authorization(self) -> str:
        """Return the header `Authorization`, or an empty string."""
        return self.headers.get("authorization", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON value; None means no body."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


TLS_HELLO = b"\x16"


class Server(TlsServer):
    """A server for as many simultaneous connections as a thousand deploys open."""

    request_queue_size = 512

    def server_close(self) -> None:
        """Close the socket; ignore the error of a TLS socket whose client has gone."""
        with suppress(OSError):
            super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that closed its connection, and show every other error."""
        import sys  # noqa: PLC0415 - only here

        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Exchange(BaseHTTPRequestHandler):
    """One request on its connection, for functions that write the response themselves."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    fresh = True
    """Whether this connection had no request yet."""

    def do_any(self) -> None:
        """Pass the request to the server's function."""
        cast("dict[str, Handle]", self.server.__dict__)["handle"](self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_any  # noqa: N815 - http.server's

    def handle_one_request(self) -> None:
        """Answer a TLS client with plain HTTP, as Go does, so that Docker falls back to HTTP.

        A TLS handshake has no line feed that would end a request line.
        """
        try:
            hello = self.connection.recv(1, socket.MSG_PEEK) if self._is_plain() else b""
        except OSError:
            self.close_connection = True
            return
        if hello == TLS_HELLO:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        self.fresh = False
        super().handle_one_request()

    def _is_plain(self) -> bool:
        return self.fresh and not isinstance(self.connection, ssl.SSLSocket)

    def log_message(self, *_: object) -> None:
        """Print nothing: tests read the output."""

    def read_request(self) -> HttpRequest:
        """Return the request with its body."""
        length = int(self.headers.get("Content-Length") or 0)
        names = {name.lower(): value for name, value in self.headers.items()}
        return HttpRequest(self.command, self.path, names, self.rfile.read(length))

    def send(self, answer: Answer) -> None:
        """Send a JSON response."""
        body = b"" if answer.value is None else json.dumps(answer.value).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self) -> None:
        """Close the connection without a response."""
        self.close_connection = True


@contextmanager
def serve_http(handle: Handle, certificate: Certificate | None = None) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 during the block; yield `127.0.0.1:PORT`."""
    server = Server(("127.0.0.1", 0), Exchange)
    server.__dict__["handle"] = handle
    server.context = context_of(certificate) if certificate else None
    with in_background(server):
        yield f"127.0.0.1:{server.server_port}"
