"""Forward HTTP/1.1 from one client connection to whatever container serves an app right now.

Why not plain TCP: a client that keeps its connection open would hold on to the old container until
that stops, and may send its next request in the very moment in which the connection is cut. Such a
request is lost, and a client may not repeat it by itself when it is no GET. So this understands
HTTP/1.1 (by h11, the parser under httpx): the client's connection is kept over all releases, and
each request goes to the container that serves when the request begins, on a connection of its own.
Nothing idle is ever tied to a container, and nothing needs to be sent twice. The price is one
connect on loopback per request.

A connection that becomes another protocol (WebSocket, HTTP/2 without TLS) is passed on as bytes,
and belongs to one container until it ends.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import h11

from .proxy_tcp import SIZE, UNREACHABLE, connect, pipe, tunnel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .proxy_tcp import Route, Streams

_HEAD = 64 * 1024
"""Bytes that the head of a request or an answer may have."""
_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"upgrade"})
"""Headers for one connection alone (RFC 9110, 7.6.1)."""
_HTTP_2 = b"PRI "

_REST = 5.0
"""Seconds in which the rest of a request must come whose answer is out."""

Headers = list[tuple[bytes, bytes]]


async def serve_http(route: Route, client: Streams) -> None:
    """Answer the requests of one client, one after the other, until either side has enough.

    Raises `OSError` and `h11.ProtocolError` where a side breaks off: the caller closes.
    """
    first = await client[0].read(SIZE)
    if first.startswith(_HTTP_2):
        await tunnel(route, client, first)
        return
    ours = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD)
    ours.receive_data(first)
    while isinstance(request := await _next(ours, client), h11.Request):
        with route.borrowed() as upstream:
            await _exchange(upstream, request, ours, client)
        await _finished(ours, client)
        if ours.our_state is not h11.DONE or ours.their_state is not h11.DONE:
            return
        ours.start_next_cycle()


async def _finished(ours: h11.Connection, client: Streams) -> None:
    """Take the rest of a request that was answered before it was all there.

    The client was not told that its connection ends, and may have sent its next request already.
    """
    if ours.our_state is not h11.DONE or ours.they_are_waiting_for_100_continue:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST):
            while ours.their_state is h11.SEND_BODY:
                await _next(ours, client)


async def _exchange(
    upstream: tuple[str, int] | None, request: h11.Request, ours: h11.Connection, client: Streams
) -> None:
    """One request and its answer; the body goes up while the answer comes down."""
    try:
        server = await connect(upstream)
    except UNREACHABLE:
        await _refuse(ours, client)
        return
    theirs = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
    try:
        await _send(theirs, server, _forwarded(request))
        up = asyncio.create_task(_upload(ours, client, theirs, server))
        try:
            await _download(theirs, server, ours, client, request)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
        if theirs.our_state is h11.SWITCHED_PROTOCOL:
            await _switched(theirs, server, ours, client)
    finally:
        server[1].close()


async def _upload(
    ours: h11.Connection, client: Streams, theirs: h11.Connection, server: Streams
) -> None:
    """The request's body. Where it breaks off, the answer does so too, and tells."""
    try:
        while isinstance(event := await _next(ours, client), h11.Data | h11.EndOfMessage):
            await _send(theirs, server, event)
            if isinstance(event, h11.EndOfMessage):
                return
    except h11.RemoteProtocolError:
        server[1].close()
    except OSError:
        # The app answers without having read it all.
        return


async def _download(
    theirs: h11.Connection,
    server: Streams,
    ours: h11.Connection,
    client: Streams,
    request: h11.Request,
) -> None:
    """The answer, or 502 where there is none."""
    framed = True
    while True:
        try:
            event = await _next(theirs, server)
        except (OSError, h11.RemoteProtocolError):
            event = h11.ConnectionClosed()
        if isinstance(event, h11.Response):
            framed = _framed(request, event)
        broken = getattr(server[0], "broken", False) and not framed
        if isinstance(event, h11.ConnectionClosed) or (
            broken and isinstance(event, h11.EndOfMessage)
        ):
            await _break_off(ours, client)
            return
        await _send(ours, client, _answered(event))
        ended = isinstance(event, h11.EndOfMessage)
        if ended or theirs.their_state is h11.SWITCHED_PROTOCOL:
            return


def _framed(request: h11.Request, answer: h11.Response) -> bool:
    """Whether an answer says where it ends, other than by the end of its connection."""
    names = {name for name, _ in answer.headers}
    bare = request.method == b"HEAD" or answer.status_code in {204, 304}
    return bare or not names.isdisjoint({b"content-length", b"transfer-encoding"})


async def _break_off(ours: h11.Connection, client: Streams) -> None:
    """502; where a part of the answer is out, never so that it could be taken for the whole."""
    if ours.our_state is h11.SEND_RESPONSE:
        await _refuse(ours, client)
        return
    # With a reset, since to HTTP/1.0 a plain end is the end of the answer.
    line = client[1].get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client[1].transport.abort()
    raise ConnectionAbortedError


async def _switched(
    theirs: h11.Connection, server: Streams, ours: h11.Connection, client: Streams
) -> None:
    """From here on it is bytes, beginning with those that came along with the heads."""
    client[1].write(theirs.trailing_data[0])
    server[1].write(ours.trailing_data[0])
    await pipe(client, server)


async def _refuse(ours: h11.Connection, client: Streams) -> None:
    text = b"the app does not answer\n"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    # The rest of the request is not read, so the connection cannot go on.
    headers.append(("Connection", "close"))
    await _send(ours, client, h11.Response(status_code=502, headers=headers))
    await _send(ours, client, h11.Data(data=text))
    await _send(ours, client, h11.EndOfMessage())


async def _next(connection: h11.Connection, streams: Streams) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await streams[0].read(SIZE))
    return event


async def _send(connection: h11.Connection, streams: Streams, event: h11.Event) -> None:
    streams[1].write(connection.send(event) or b"")
    await streams[1].drain()


def _forwarded(request: h11.Request) -> h11.Request:
    """The request as the app gets it: with `Upgrade` where that is asked for.

    Not with `Connection: close`, though its connection is used once: an app that answers without
    having read the body would then close at once, and the kernel would drop answer and all.
    """
    headers = _without(request.headers, _HOP)
    wishes = [(k, v) for k, v in request.headers if k == b"upgrade"]
    headers += [*wishes, *([(b"connection", b"upgrade")] if wishes else [])]
    if b"host" not in dict(headers):
        # HTTP/1.0 knows none, and it is 1.1 that the app is asked in.
        headers.append((b"host", b"localhost"))
    return h11.Request(method=request.method, target=request.target, headers=headers)


def _answered(event: h11.Event) -> h11.Event:
    """An event of the answer as the client gets it; h11 frames the body anew."""
    if not isinstance(event, h11.Response):
        return event
    headers = _without(event.headers, _HOP | {b"transfer-encoding"})
    return h11.Response(status_code=event.status_code, headers=headers, reason=event.reason)


def _without(headers: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name not in names]
