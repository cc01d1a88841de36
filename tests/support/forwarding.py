"""Forward HTTP requests to a registry; bodies are streamed in both directions."""

from __future__ import annotations

from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPConnection, HTTPResponse

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"}
)
_PIECE = 1 << 16


class ForwardingHandler(BaseHTTPRequestHandler):
    """Forwards to one connection for each client. A subclass says where to, in `connect`."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    # Else a body waits 40 ms for the client's kernel to acknowledge the headers.
    disable_nagle_algorithm = True
    upstream: HTTPConnection | None = None

    def connect(self) -> HTTPConnection:
        """Return a connection to the registry."""
        raise NotImplementedError

    def finish(self) -> None:
        """Close the connection to the registry as well."""
        if self.upstream:
            self.upstream.close()
        with suppress(OSError, ValueError):
            super().finish()

    def forward(self, path: str, without: frozenset[str] = frozenset()) -> HTTPResponse:
        """Send the request to the registry under `path`, without some headers (in lower case)."""
        headers = {
            # An engine sends one `Accept` header for each media type.
            name: ", ".join(self.headers.get_all(name, ()))
            for name in {n.lower() for n in self.headers} - _HOP_BY_HOP - without
        }
        chunked = self._is_chunked()
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        if self.upstream is None:
            self.upstream = self.connect()
        has_body = chunked or self.headers.get("Content-Length") not in (None, "0")
        body = self.request_body() if has_body else None
        self.upstream.request(self.command, path, body, headers, encode_chunked=chunked)
        return self.upstream.getresponse()

    def request_body(self) -> Iterator[bytes]:
        """Yield the body. Raises `ConnectionResetError` where the client breaks off."""
        if self._is_chunked():
            yield from self._chunks()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (piece := self.rfile.read1(min(left, _PIECE))):
            left -= len(piece)
            yield piece
        if left:
            raise ConnectionResetError

    def response_body(self, response: HTTPResponse, headers: dict[str, str]) -> Iterator[bytes]:
        """Return the body in pieces; set `Content-Length` in `headers` where it was missing."""
        if response.length is None and self.command != "HEAD":
            headers["Content-Length"] = str(len(body := response.read()))
            return iter([body])
        return iter(lambda: response.read(_PIECE), b"")

    def log_message(self, *_: object) -> None:
        """Print nothing: tests read the output."""

    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass


def end_to_end_headers(response: HTTPResponse) -> dict[str, str]:
    """Return the headers of a response that a proxy passes on."""
    return {n: v for n, v in response.getheaders() if n.lower() not in _HOP_BY_HOP}
