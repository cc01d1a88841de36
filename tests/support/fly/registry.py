"""Fly's registry: its rules about access, in front of a real registry that stores the images.

Facts, section 2.4: only Basic; 401 whether or not the repository exists; `name unknown` for an app
that does not exist; `denied` without rights; no tag list, no deletion.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.fly.http_server import Answer
from tests.support.fly.reference import ImageRef
from tests.support.fly.state import Request

if TYPE_CHECKING:
    from tests.support.fly.http_server import Exchange
    from tests.support.fly.images import Images
    from tests.support.fly.state import World
    from tests.support.fly.tokens import Token, Tokens

REALM = {"www-authenticate": 'Basic realm="flyio-registry.fly.dev"'}
HOP = {"connection", "keep-alive", "transfer-encoding", "host", "authorization", "te", "trailer"}
CHUNK = 1 << 16
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class FlyRegistry:
    """Forwards to `storage` the requests that Fly would accept."""

    world: World
    tokens: Tokens
    images: Images
    storage: str

    def handle(self, exchange: Exchange) -> None:
        """Answer a request and record it."""
        down = self.world.knobs.down.get("registry")
        if down == "drop":
            self._remember(exchange, 0)
            exchange.drop()
            return
        refused = Answer(503, errors("UNAVAILABLE", "down")) if down else self._refusal(exchange)
        if refused is None:
            status = self._pass_on(exchange)
        else:
            # The unread rest of a body would be parsed as the next request.
            exchange.close_connection = exchange.command not in READS
            exchange.send(refused)
            status = refused.status
        self._remember(exchange, status)

    def _remember(self, exchange: Exchange, status: int) -> None:
        self.world.requests.append(Request("registry", exchange.command, exchange.path, status))

    def _refusal(self, exchange: Exchange) -> Answer | None:
        token = self.tokens.of_basic(exchange.headers.get("Authorization", ""))
        if token is None:
            return Answer(401, errors("UNAUTHORIZED", "authentication required"), REALM)
        parts = urlsplit(exchange.path).path.removeprefix("/v2/").split("/")
        if parts in (["v2"], [""], ["", "v2"], [""]):
            return None
        if "/tags/list" in exchange.path or "_catalog" in exchange.path:
            return Answer(404, errors("UNSUPPORTED", "The operation is unsupported."))
        if exchange.command == "DELETE" and "uploads" not in parts:
            return Answer(405, errors("UNSUPPORTED", "The operation is unsupported."))
        return self._rights(exchange.command, parts, token)

    def _rights(self, method: str, parts: list[str], token: Token) -> Answer | None:
        app = self.world.apps.get(parts[0])
        if app is not None and not token.sees(app):
            return denied()
        # Each app has one repository, with its name (facts, 2.4 and 8.9).
        if parts[1] not in ("blobs", "manifests", "referrers"):
            return _unknown(parts)
        if (
            app is None
            or time.monotonic() < app.created + self.world.knobs.registry_knows_app_after
        ):
            return _unknown(parts)
        if method not in READS and not token.changes(app):
            return denied()
        return self._gone(method, parts)

    def _gone(self, method: str, parts: list[str]) -> Answer | None:
        if method not in READS or parts[-2] != "manifests":
            return None
        repository, name = "/".join(parts[:-2]), parts[-1]
        digest = self.images.digest_of(ImageRef("", repository, name))
        if digest and self.images.is_pruned(repository, digest):
            return _unknown(parts)
        return None

    def _pass_on(self, exchange: Exchange) -> int:
        connection = http.client.HTTPConnection(self.storage, timeout=60)
        try:
            self._send(connection, exchange, self._target(exchange))
            answer = connection.getresponse()
            self._note(exchange, answer)
            _copy(answer, exchange)
        except OSError:
            exchange.drop()
            return 0
        finally:
            connection.close()
        return answer.status

    def _target(self, exchange: Exchange) -> str:
        """Return the path, without a mount from a repository that the token may not read."""
        parts = urlsplit(exchange.path)
        source = parse_qs(parts.query).get("from", [""])[0]
        token = self.tokens.of_basic(exchange.headers.get("Authorization", ""))
        app = self.world.apps.get(source)
        allowed = app is not None and token is not None and token.sees(app)
        if not source or (allowed and self.world.knobs.mounts):
            return exchange.path
        return parts.path

    def _send(
        self, connection: http.client.HTTPConnection, exchange: Exchange, target: str
    ) -> None:
        connection.putrequest(exchange.command, target, skip_host=True, skip_accept_encoding=True)
        # The registry makes `Location` from this host, so uploads come back to this server.
        connection.putheader("Host", exchange.headers["Host"])
        connection.putheader("X-Forwarded-Proto", "https" if _is_tls(exchange) else "http")
        for name, value in exchange.headers.items():
            if name.lower() not in HOP:
                connection.putheader(name, value)
        if exchange.headers.get("Transfer-Encoding", "").lower() == "chunked":
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            _copy_chunks(exchange, connection)
            return
        connection.endheaders()
        left = int(exchange.headers.get("Content-Length") or 0)
        while left:
            block = exchange.rfile.read(min(left, CHUNK))
            if not block:
                raise ConnectionResetError
            connection.send(block)
            left -= len(block)

    def _note(self, exchange: Exchange, answer: http.client.HTTPResponse) -> None:
        path = urlsplit(exchange.path).path.removeprefix("/v2/")
        repository, found, name = path.rpartition("/manifests/")
        if exchange.command == "PUT" and found and answer.status == 201:
            digest = answer.headers["Docker-Content-Digest"]
            self.images.record_push(repository, name, digest)


def errors(code: str, message: str) -> dict[str, object]:
    """Return an error body as in the OCI distribution specification."""
    return {"errors": [{"code": code, "message": message}]}


def denied() -> Answer:
    """Return the response for a repository that the token has no rights to (facts, 2.4)."""
    return Answer(403, errors("DENIED", "requested access to the resource is denied"))


def _unknown(parts: list[str]) -> Answer:
    if "manifests" in parts:
        return Answer(404, errors("MANIFEST_UNKNOWN", "manifest unknown"))
    return Answer(404, errors("NAME_UNKNOWN", "app repository not found"))


def _is_tls(exchange: Exchange) -> bool:
    return hasattr(exchange.connection, "cipher")


def _copy(answer: http.client.HTTPResponse, exchange: Exchange) -> None:
    exchange.send_response_only(answer.status, answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in HOP:
            exchange.send_header(name, value)
    whole = "Content-Length" in answer.headers or answer.status in (204, 304)
    if not whole:
        exchange.send_header("Connection", "close")
    exchange.end_headers()
    while exchange.command != "HEAD" and (block := answer.read(CHUNK)):
        exchange.wfile.write(block)
    exchange.close_connection = exchange.close_connection or not whole


def _copy_chunks(exchange: Exchange, connection: http.client.HTTPConnection) -> None:
    while size := int(exchange.rfile.readline().split(b";")[0], 16):
        block = exchange.rfile.read(size)
        exchange.rfile.readline()
        connection.send(b"%x\r\n%s\r\n" % (size, block))
    while exchange.rfile.readline().strip():
        """Skip the trailer."""
    connection.send(b"0\r\n\r\n")
