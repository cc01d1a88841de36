"""A proxy in front of a registry, as people put one before it: TLS, a login, names below a path.

Bodies are streamed, in both directions.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import bcrypt

from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Certificate

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"}
_PIECE = 1 << 16
_MOUNT = re.compile(r"([?&]from=)")


@dataclass(frozen=True)
class Front:
    """What the proxy adds to the registry at `address`, which speaks plain HTTP.

    `prefix` (with a slash at its end) is put before each repository. `htpasswd` has one line.
    """

    address: str
    log: Path
    prefix: str = ""
    tls: Certificate | None = None
    htpasswd: Path | None = None

    def inner(self, path: str) -> str:
        """Return the path of a request at the registry itself."""
        if not self.prefix or not path.startswith("/v2/") or path == "/v2/":
            return path
        return _MOUNT.sub(rf"\g<1>{quote(self.prefix, safe='')}", f"/v2/{self.prefix}{path[4:]}")

    def outer(self, location: str) -> str:
        """Return a `Location` as the client must see it: below this proxy, without the prefix."""
        parts = urlsplit(location)
        if parts.netloc not in ("", self.address):
            return location
        path = parts.path.replace(f"/v2/{self.prefix}", "/v2/", 1)
        return f"{path}?{parts.query}" if parts.query else path

    def admits(self, authorization: str) -> bool:
        """Return whether a request may pass."""
        if self.htpasswd is None:
            return True
        user, _, hashed = self.htpasswd.read_text(encoding="utf-8").strip().partition(":")
        scheme, _, encoded = authorization.partition(" ")
        with suppress(binascii.Error, UnicodeDecodeError):
            name, _, password = base64.b64decode(encoded).decode().partition(":")
            right = scheme.lower() == "basic" and name == user
            return right and bcrypt.checkpw(password.encode(), hashed.encode())
        return False


@contextmanager
def registry_front(front: Front) -> Iterator[str]:
    """Serve a registry through a proxy during the block; yield the address of the proxy."""
    front.log.touch()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.front = front
    server.context = context_of(front.tls) if front.tls else None
    with in_background(server):
        yield f"127.0.0.1:{server.server_port}"


class _Server(TlsServer):
    request_queue_size = 64
    front: Front


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60
    upstream: HTTPConnection | None = None

    def handle(self) -> None:
        # Tests close and reset connections.
        with suppress(ConnectionError, TimeoutError, ssl.SSLError, HTTPException):
            super().handle()

    def finish(self) -> None:
        if self.upstream:
            self.upstream.close()
        with suppress(OSError, ValueError):
            super().finish()

    def _pass(self) -> None:
        front = self.server.front
        if not front.admits(self.headers.get("Authorization", "")):
            self._log(401)
            self.close_connection = True  # The body of the request was not read.
            challenge = {"WWW-Authenticate": 'Basic realm="front"', "Content-Length": "0"}
            self._start(401, {**challenge, "Connection": "close"})
            return
        answer = self._ask()
        headers = {n: v for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP}
        for name in [n for n in headers if n.lower() == "location"]:
            headers[name] = front.outer(headers[name])
        pieces = iter(lambda: answer.read(_PIECE), b"")
        if answer.length is None and self.command != "HEAD":
            body = answer.read()
            headers["Content-Length"], pieces = str(len(body)), iter([body])
        self._log(answer.status)
        self._start(answer.status, headers)
        for piece in pieces:
            self.wfile.write(piece)

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _ask(self) -> HTTPResponse:
        headers = {
            name: ", ".join(self.headers.get_all(name, ()))
            for name in {n.lower() for n in self.headers} - {*_HOP_BY_HOP, "authorization", "host"}
        }
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        body = self._chunks() if chunked else self._sized() if "content-length" in headers else None
        if self.upstream is None:
            self.upstream = HTTPConnection(self.server.front.address, timeout=60)
        path = self.server.front.inner(self.path)
        self.upstream.request(self.command, path, body, headers, encode_chunked=chunked)
        return self.upstream.getresponse()

    def _sized(self) -> Iterator[bytes]:
        left = int(self.headers["Content-Length"])
        while left > 0:
            piece = self.rfile.read1(min(left, _PIECE))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _log(self, status: int) -> None:
        with self.server.front.log.open("a", encoding="utf-8") as log:
            log.write(f'"{self.command} {self.path} HTTP/1.1" {status}\n')

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing: tests read the output."""
