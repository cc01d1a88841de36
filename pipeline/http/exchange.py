"""Send one request at a time over a connection, and read its response: HTTP/1.1, by h11."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .sockets import Stream
    from .timeouts import Timeouts

    Body = bytes | Iterable[bytes] | None

_MOST_HEAD = 100 * 1024
"""Bytes that the head of a response may have, or the frame of a piece of its body."""
_PORTS = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods that have a `Content-Length` even without a body: servers refuse them otherwise."""
_ONE_WRITE = 1 << 16
"""Bytes of a body that go out in one write with the head."""


class UnsupportedAddressError(Exception):
    """An address is neither `http:` nor `https:`, or has no host."""


class Target(Struct, frozen=True):
    """What a web address says: where to connect to, and what to ask for there.

    `authority` is the host as the address has it, with its port if it names one.
    """

    scheme: str
    authority: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """The address without what is asked for."""
        return f"{self.scheme}://{self.authority}"


class Received(Struct, frozen=True):
    """The head of a response, with header names in lower case; the body has yet to be read."""

    status: int
    reason: str
    headers: Sequence[tuple[bytes, bytes]]
    body: Iterator[bytes]
    inside: bool


class Connection:
    """A connection that is used for one exchange after the other. For one thread."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body,
        timeouts: Timeouts,
    ) -> Received:
        """Send a request, and return its response as soon as the head is here.

        Raises `OSError`, `h11.ProtocolError` and what the `body` raises.
        """
        if isinstance(body, bytes) or (body is None and method in _WITH_BODY):
            headers = {**headers, "Content-Length": str(len(body or b""))}
        self._send(
            h11.Request(method=method, target=target, headers=list(headers.items())),
            body,
            timeouts,
        )
        event = self._event(timeouts)
        while isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            event = self._event(timeouts)
        if not isinstance(event, h11.Response | h11.InformationalResponse):
            raise ConnectionAbortedError("it closed the connection without a response")
        reason = bytes(event.reason).decode("latin-1")
        found, body = list(event.headers), self._body(timeouts)
        return Received(event.status_code, reason, found, body, self._stream.inside)

    def finish(self) -> bool:
        """Prepare for the next request; return whether that is possible.

        It is not where one side has more to send, or where anything came after the response, as a
        body after that of a HEAD: it would be read as the next response.
        """
        ended = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        rest, _ = self._http.trailing_data
        if not ended or rest:
            return False
        self._http.start_next_cycle()
        return True

    def has_more(self) -> bool:
        """Return whether an idle connection has bytes to read, or was closed by the server."""
        return self._stream.has_more()

    def abort(self) -> None:
        """Let what another thread waits for on this connection fail at once."""
        self._stream.abort()

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def _send(self, request: h11.Request, body: Body, timeouts: Timeouts) -> None:
        """Send a request, or so much of it as the server takes.

        A server may refuse a request before it has all of it, and close. Its answer is then there
        to be read.
        """
        head = self._http.send(request) or b""
        pieces = [body] if isinstance(body, bytes) else body or ()
        try:
            for piece in pieces:
                data = self._http.send(h11.Data(data=piece)) or b""
                if len(head) + len(data) <= _ONE_WRITE:
                    head, data = head + data, b""
                self._write(head, timeouts)
                self._write(data, timeouts)
                head = b""
            self._write(head + (self._http.send(h11.EndOfMessage()) or b""), timeouts)
        except _ClosedError:
            return

    def _write(self, data: bytes, timeouts: Timeouts) -> None:
        if not data:
            return
        try:
            self._stream.write(data, timeouts)
        except TimeoutError:
            raise
        except OSError as error:
            raise _ClosedError from error

    def _event(self, timeouts: Timeouts) -> h11.Event | type[h11.PAUSED]:
        """Return h11's next event, of which `NEED_DATA` is none."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = self._stream.read(timeouts)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise ConnectionAbortedError("it closed the connection without a response")
            self._http.receive_data(data)
        return event  # type: ignore[return-value] # h11's type names the sentinel's class

    def _body(self, timeouts: Timeouts) -> Iterator[bytes]:
        """Read the body piece by piece. Raises `OSError` and `h11.RemoteProtocolError`."""
        while isinstance(event := self._event(timeouts), h11.Data):
            yield bytes(event.data)


class _ClosedError(Exception):
    """The server no longer takes what is sent."""


def read_target(url: str) -> Target:
    """Read a web address, without its user and fragment. Raises `UnsupportedAddressError`.

    >>> read_target("https://host.example:5000/v2/?n=1").path
    '/v2/?n=1'
    """
    try:
        address = urlsplit(url)
        port = address.port
    except ValueError:  # not a port, or not an IPv6 address
        raise UnsupportedAddressError(url) from None
    authority = address.netloc.rpartition("@")[2]
    if address.scheme not in _PORTS or not address.hostname:
        raise UnsupportedAddressError(url)
    path = address.path or "/"
    query = f"?{address.query}" if address.query else ""
    port = _PORTS[address.scheme] if port is None else port
    return Target(address.scheme, authority, address.hostname, port, path + query)
