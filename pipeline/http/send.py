"""Send one HTTP request and read its response, without redirects, credentials and retries."""

from __future__ import annotations

import math
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

from .errors import ErrorDetails, HttpError
from .failures import BROKEN, explain, host_of, redacted
from .response import Response
from .timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from .connections import Connections
    from .exchange import Received

    Body = bytes | Callable[[], Generator[bytes, None, None]]
    """What is sent: bytes, or a function that begins the same stream anew each time."""

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a successful response."""
MAX_ERROR_BODY = 64 * 1024
"""Bytes of any other response; the rest is not read."""
PIECE = 1 << 18
"""Bytes of a stream that are gathered before they are passed on, at least."""


def send(  # noqa: PLR0913 - a request has these parts
    connections: Connections,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: Body | None = None,
    deadline: float,
    most: int = MAX_BODY,
) -> Response:
    """Send one request and return its response, whatever its status. Raises `HttpError`.

    All of it ends by `deadline`, a time of `time.monotonic`. The body of a successful response may
    have `most` bytes. A body that is streamed may take as long as it flows, and the server
    `Policy.storing` seconds to store it.
    """
    streamed = callable(body)
    until = math.inf if streamed else deadline
    timeouts = Timeouts(connections.policy, until=until, stored=streamed)
    # A generator that is left over ends when garbage is collected, in any thread at any moment:
    # it would let go of a connection of its source, whose pool may be locked by that very thread.
    with closing(body()) if callable(body) else nullcontext(body) as content:
        try:
            with connections.stream(
                method, url, headers=headers, body=content, timeouts=timeouts
            ) as received:
                if streamed:
                    timeouts.ends_in(connections.policy.read)
                read = _read(received, url, most)
                return _response(received, url, read, connections, timeouts)
        except BROKEN as error:
            # The cause is not kept: it holds the request, and that the credential.
            raise explain(error, url, connections.hints) from None


@contextmanager
def stream(
    connections: Connections, method: str, url: str, headers: Mapping[str, str]
) -> Iterator[tuple[Response, Iterator[bytes]]]:
    """Send a request; yield its response without the body, and the body piece by piece.

    The response has its body where the status is not 200. The body may take as long as it flows.
    Raises `HttpError`.
    """
    timeouts = Timeouts(connections.policy)
    try:
        with connections.stream(method, url, headers=headers, timeouts=timeouts) as received:
            body = b""
            if received.status != 200:
                timeouts.ends_in(connections.policy.read)
                body = _read(received, url, MAX_ERROR_BODY)
            pieces = _pieces(received, url, timeouts, connections)
            yield _response(received, url, body, connections, timeouts), pieces
    except BROKEN as error:
        raise explain(error, url, connections.hints) from None


def _response(
    received: Received,
    url: str,
    body: bytes,
    connections: Connections,
    timeouts: Timeouts,
) -> Response:
    headers: dict[str, str] = {}
    for raw, value in received.headers:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return Response(
        received.status,
        redacted(url),
        headers,
        body,
        proxy=connections.forwarder(url),
        inside=received.inside,
        latency=timeouts.latency,
    )


def _read(received: Received, url: str, most: int) -> bytes:
    """Return the body, or the beginning of one that reports an error."""
    good = received.status == 200
    limit = most if good else MAX_ERROR_BODY
    chunks, size = [], 0
    for chunk in received.body:
        chunks.append(chunk)
        size += len(chunk)
        if size > limit and good:
            raise HttpError(
                f"`{host_of(url)}` answers with more than {limit >> 20} MiB, which is not read",
                hint="is the address right?",
                details=ErrorDetails(200, redacted(url)),
            )
        if size > limit:
            break
    return b"".join(chunks)[:limit]


def _pieces(
    received: Received, url: str, timeouts: Timeouts, connections: Connections
) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    try:
        for piece in received.body:
            timeouts.flowed(len(piece))
            held.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)
    except BROKEN as error:
        raise explain(error, url, connections.hints) from None
