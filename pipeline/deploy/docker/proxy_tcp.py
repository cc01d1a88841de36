"""Routes of the proxy, connections to containers, and bytes forwarded unchanged."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 64 * 1024
"""Bytes read at once."""
UNREACHABLE = (OSError, TimeoutError)
_ATTEMPTS = 10
_PAUSE = 0.1

SocketAddress = tuple[str, int]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Route(Struct):
    """A port of an app, the container it forwards to, and open connections by container.

    It is mutable: a swap assigns `upstream`, which the event loop cannot interrupt.
    """

    port: int
    http: bool
    upstream: SocketAddress | None = None
    server: asyncio.Server | None = None
    busy: Counter[SocketAddress] = field(default_factory=Counter)

    @contextmanager
    def use(self) -> Iterator[SocketAddress | None]:
        """Yield the current upstream, and count it as busy until the end of the block."""
        upstream = self.upstream
        if upstream is None:
            yield None
            return
        self.busy[upstream] += 1
        try:
            yield upstream
        finally:
            self.busy[upstream] -= 1
            # Drop zeros: each release has an address of its own, and a proxy may run for months.
            self.busy = +self.busy


class UpstreamReader(asyncio.StreamReader):
    """Reads from a container up to the last byte, even if it then resets the connection.

    asyncio's reader discards its buffer on a reset. An app that answers without reading the whole
    request causes a reset, and its answer is valid. `reset` is set after one.
    """

    reset = False

    def set_exception(self, exc: Exception) -> None:
        """Treat a reset as the end of the stream, after all bytes that came before it."""
        del exc
        self.reset = True
        self.feed_eof()


async def connect(upstream: SocketAddress | None) -> Streams:
    """Connect to a container. Raises one of `UNREACHABLE` if that fails for a second.

    Nothing has been sent yet, so it is safe to wait while the engine restarts a container.
    """
    if upstream is None:
        raise ConnectionRefusedError("no container serves yet")
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _open(upstream)
        except OSError:
            await asyncio.sleep(_PAUSE)
    return await _open(upstream)


async def _open(upstream: SocketAddress) -> Streams:
    """Do as `asyncio.open_connection` does, with an `UpstreamReader`."""
    loop = asyncio.get_running_loop()
    reader = UpstreamReader(limit=BLOCK, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, *upstream)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def tunnel(route: Route, client: Streams, first: bytes = b"") -> None:
    """Forward a connection, beginning with `first`, to the current container until it ends."""
    with route.use() as upstream:
        server = await connect(upstream)
        server[1].write(first)
        try:
            await pipe(client, server)
        finally:
            server[1].close()


async def pipe(client: Streams, server: Streams) -> None:
    """Copy bytes both ways until both sides have closed their direction."""
    await asyncio.gather(_copy(client[0], server[1]), _copy(server[0], client[1]))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(BLOCK):
        sink.write(data)
        await sink.drain()
    if getattr(source, "reset", False):
        raise ConnectionResetError
    if sink.can_write_eof():
        sink.write_eof()
