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
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import bcrypt

from tests.support.forwarding import ForwardingHandler, end_to_end_headers
from tests.support.server_thread import in_background
from tests.support.tls_server import TlsServer, context_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Certificate

_KEPT_BACK = frozenset({"authorization", "host"})
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


class _Handler(ForwardingHandler):
    server: _Server

    def connect(self) -> HTTPConnection:
        return HTTPConnection(self.server.front.address, timeout=60)

    def handle(self) -> None:
        # Tests close and reset connections.
        with suppress(ConnectionError, TimeoutError, ssl.SSLError, HTTPException):
            super().handle()

    def _pass(self) -> None:
        front = self.server.front
        if not front.admits(self.headers.get("Authorization", "")):
            self._log(401)
            self.close_connection = True  # The body of the request was not read.
            challenge = {"WWW-Authenticate": 'Basic realm="front"', "Content-Length": "0"}
            self._start(401, {**challenge, "Connection": "close"})
            return
        answer = self.forward(front.inner(self.path), _KEPT_BACK)
        headers = end_to_end_headers(answer)
        for name in [n for n in headers if n.lower() == "location"]:
            headers[name] = front.outer(headers[name])
        pieces = self.response_body(answer, headers)
        self._log(answer.status)
        self._start(answer.status, headers)
        for piece in pieces:
            self.wfile.write(piece)

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _log(self, status: int) -> None:
        with self.server.front.log.open("a", encoding="utf-8") as log:
            log.write(f'"{self.command} {self.path} HTTP/1.1" {status}\n')

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815
