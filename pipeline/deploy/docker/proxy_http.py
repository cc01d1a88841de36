"""Forward the HTTP/1.1 requests of a client connection, each to the container that serves now.

Forwarding TCP alone would lose requests: a client with a kept-alive connection stays with the old
container until that stops, and may send a request at the moment the connection is cut. It cannot
repeat that by itself unless it is a GET. So the proxy parses HTTP/1.1 (with h11, httpx's parser).
The client's connection outlives all releases, and each request goes to the current container, on
a connection of its own. No idle connection belongs to a container, and nothing is sent twice. The
cost is one connect on loopback per request.

A connection that changes its protocol (WebSocket, HTTP/2 without TLS) is forwarded as bytes, to one
container until it ends.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import h11
from msgspec import Struct

from .proxy_tcp import BLOCK, UNREACHABLE, connect, pipe, tunnel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .proxy_tcp import Route, SocketAddress, Streams

_LONGEST_HEAD = 64 * 1024
"""Bytes that the head of a request or a response may have."""
_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"upgrade"})
"""Headers of one connection alone (RFC 9110, 7.6.1)."""
_HTTP_2 = b"PRI "
_REST_TIMEOUT = 5.0
"""Seconds to wait for the rest of a request whose response is sent."""

Headers = list[tuple[bytes, bytes]]


class Peer(Struct, frozen=True):
    """One end of an exchange, the client or the app: h11's state and the connection's streams."""

    http: h11.Connection
    streams: Streams

    async def receive(self) -> Any:
        """Return h11's next event. Raises `OSError` and `h11.RemoteProtocolError`."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.streams[0].read(BLOCK))
        return event

    async def send(self, event: h11.Event) -> None:
        """Send an event. Raises `OSError` and `h11.LocalProtocolError`."""
        self.streams[1].write(self.http.send(event) or b"")
        await self.streams[1].drain()


async def serve_http(route: Route, streams: Streams) -> None:
    """Answer the requests of one client in turn, until either side ends the connection.

    Raises `OSError` and `h11.ProtocolError` when a side breaks off; the caller closes.
    """
    first = await streams[0].read(BLOCK)
    if first.startswith(_HTTP_2):
        await tunnel(route, streams, first)
        return
    client = Peer(h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD), streams)
    client.http.receive_data(first)
    while isinstance(request := await client.receive(), h11.Request):
        with route.use() as upstream:
            await _exchange(client, request, upstream)
        await _finish_request(client)
        if client.http.our_state is not h11.DONE or client.http.their_state is not h11.DONE:
            return
        client.http.start_next_cycle()


async def _finish_request(client: Peer) -> None:
    """Read the rest of a request that was answered early.

    The client expects to keep the connection, and may have sent its next request already.
    """
    http = client.http
    if http.our_state is not h11.DONE or http.they_are_waiting_for_100_continue:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST_TIMEOUT):
            while http.their_state is h11.SEND_BODY:
                await client.receive()


async def _exchange(client: Peer, request: h11.Request, upstream: SocketAddress | None) -> None:
    """Forward one request and its response; both bodies may be on their way at the same time."""
    try:
        streams = await connect(upstream)
    except UNREACHABLE:
        await _respond_502(client)
        return
    app = Peer(h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD), streams)
    try:
        await app.send(_forwarded(request))
        upload = asyncio.create_task(_upload(client, app))
        try:
            await _download(app, client, request)
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
        if app.http.our_state is h11.SWITCHED_PROTOCOL:
            # Bytes of the new protocol may have come along with the heads.
            client.streams[1].write(app.http.trailing_data[0])
            app.streams[1].write(client.http.trailing_data[0])
            await pipe(client.streams, app.streams)
    finally:
        app.streams[1].close()


async def _upload(client: Peer, app: Peer) -> None:
    """Forward the request's body. If the client breaks off, close the app's connection too."""
    try:
        while isinstance(event := await client.receive(), h11.Data | h11.EndOfMessage):
            await app.send(event)
            if isinstance(event, h11.EndOfMessage):
                return
    except h11.RemoteProtocolError:
        app.streams[1].close()
    except OSError:
        # The app responds without reading the whole body.
        return


async def _download(app: Peer, client: Peer, request: h11.Request) -> None:
    """Forward the response, or send 502 if there is none."""
    framed = True
    while True:
        try:
            event = await app.receive()
        except (OSError, h11.RemoteProtocolError):
            event = h11.ConnectionClosed()
        if isinstance(event, h11.Response):
            framed = _is_framed(request, event)
        ended = isinstance(event, h11.EndOfMessage)
        reset = getattr(app.streams[0], "reset", False) and not framed
        if isinstance(event, h11.ConnectionClosed) or (ended and reset):
            await _break_off(client)
            return
        await client.send(_returned(event))
        if ended or app.http.their_state is h11.SWITCHED_PROTOCOL:
            return


def _is_framed(request: h11.Request, response: h11.Response) -> bool:
    """Return whether a response says where it ends, other than by closing its connection."""
    names = {name for name, _ in response.headers}
    empty = request.method == b"HEAD" or response.status_code in {204, 304}
    return empty or not names.isdisjoint({b"content-length", b"transfer-encoding"})


async def _break_off(client: Peer) -> None:
    """Send 502, or abort a response that has begun, so that nobody takes a part for the whole."""
    if client.http.our_state is h11.SEND_RESPONSE:
        await _respond_502(client)
        return
    # A reset, because in HTTP/1.0 a normal close is the end of a response.
    writer = client.streams[1]
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    raise ConnectionAbortedError


async def _respond_502(client: Peer) -> None:
    text = b"the app does not answer\n"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    # The rest of the request is not read, so the connection cannot be used again.
    headers.append(("Connection", "close"))
    await client.send(h11.Response(status_code=502, headers=headers))
    await client.send(h11.Data(data=text))
    await client.send(h11.EndOfMessage())


def _forwarded(request: h11.Request) -> h11.Request:
    """Return the request for the app: no hop-by-hop headers but `Upgrade`, where it is asked for.

    It has no `Connection: close`, although its connection is used once: an app that responds
    without reading the body would close at once, and the kernel would discard the response.
    """
    headers = _without(request.headers, _HOP_BY_HOP)
    upgrades = [(name, value) for name, value in request.headers if name == b"upgrade"]
    headers += [*upgrades, *([(b"connection", b"upgrade")] if upgrades else [])]
    if b"host" not in dict(headers):
        # A request in HTTP/1.0 may have none; it is forwarded in 1.1, which requires one.
        headers.append((b"host", b"localhost"))
    return h11.Request(method=request.method, target=request.target, headers=headers)


def _returned(event: h11.Event) -> h11.Event:
    """Return an event of the response for the client; h11 frames the body anew."""
    if not isinstance(event, h11.Response):
        return event
    headers = _without(event.headers, _HOP_BY_HOP | {b"transfer-encoding"})
    return h11.Response(status_code=event.status_code, headers=headers, reason=event.reason)


def _without(headers: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> Headers:
    return [(name, value) for name, value in headers if name not in names]
