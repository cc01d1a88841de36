"""Routes of the front, and bytes passed on as they are: what is no HTTP/1.1."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 64 * 1024
"""Bytes that are read at once."""
_TRIES = 10
_PAUSE = 0.1
UNREACHABLE = (OSError, TimeoutError)

Address = tuple[str, int]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Route(Struct):
    """Where one port of an app goes now, and how much is under way to where.

    It changes: a swap is one assignment to `upstream`, which the event loop cannot interrupt.
    """

    port: int
    http: bool
    upstream: Address | None = None
    server: asyncio.Server | None = None
    busy: Counter[Address] = field(default_factory=Counter)

    @contextmanager
    def borrowed(self) -> Iterator[Address | None]:
        """The container that serves; it counts as busy meanwhile."""
        upstream = self.upstream
        if upstream is None:
            yield None
            return
        self.busy[upstream] += 1
        try:
            yield upstream
        finally:
            self.busy[upstream] -= 1
            # Each release has an address of its own, and a front may live for months.
            self.busy = +self.busy


class Upstream(asyncio.StreamReader):
    """What a container sends, to the last byte, also when it then resets the connection.

    asyncio's own reader throws away what it holds when a reset comes; an app that answers without
    having read the request resets, and its answer is good. `broken` tells of the reset.
    """

    broken = False

    def set_exception(self, exc: Exception) -> None:
        """Take a reset for the end, after all that came before it."""
        del exc
        self.broken = True
        self.feed_eof()


async def connect(upstream: Address | None) -> Streams:
    """A connection to a container. Raises one of `UNREACHABLE` where there is none in a second.

    Nothing was sent yet, so a container that is just restarted by the engine is waited for.
    """
    if upstream is None:
        raise ConnectionRefusedError("no container serves yet")
    for _ in range(_TRIES - 1):
        try:
            return await _open(upstream)
        except OSError:
            await asyncio.sleep(_PAUSE)
    return await _open(upstream)


async def _open(upstream: Address) -> Streams:
    """As `asyncio.open_connection`, with our reader."""
    loop = asyncio.get_running_loop()
    reader = Upstream(limit=SIZE, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, *upstream)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def tunnel(route: Route, client: Streams, first: bytes = b"") -> None:
    """Pass one connection on to the container that serves when it begins, until it ends."""
    with route.borrowed() as upstream:
        server = await connect(upstream)
        server[1].write(first)
        try:
            await pipe(client, server)
        finally:
            server[1].close()


async def pipe(client: Streams, server: Streams) -> None:
    """Bytes both ways until both sides have said their last."""
    await asyncio.gather(_copy(client[0], server[1]), _copy(server[0], client[1]))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(SIZE):
        sink.write(data)
        await sink.drain()
    if getattr(source, "broken", False):
        raise ConnectionResetError
    if sink.can_write_eof():
        sink.write_eof()
