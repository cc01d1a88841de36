"""A proxy on a real socket that alters, or breaks off, what a client sends to a real registry."""

from __future__ import annotations

import select
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[bytes], bytes | None]
    """What is sent on in place of a piece; `None` resets the connection."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for no time at all: closing sends RST."""


def _same(piece: bytes) -> bytes:
    return piece


@contextmanager
def tampering(address: str, change: Change, *, back: Change = _same) -> Iterator[str]:
    """Stand before `127.0.0.1:PORT` until the end of the block; the proxy's address.

    `change` is of what the client sends, `back` of what the registry does.
    """
    upstream = ("127.0.0.1", int(address.rpartition(":")[2]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        both = (change, back)
        thread = threading.Thread(target=_serve, args=(server, upstream, both))
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            # Closing alone does not wake who waits in `accept`.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(
    server: socket.socket, upstream: tuple[str, int], changes: tuple[Change, Change]
) -> None:
    with ThreadPoolExecutor(64) as pool, suppress(OSError):
        while True:
            client, _ = server.accept()
            pool.submit(_connect, client, upstream, changes)


def _connect(
    client: socket.socket, upstream: tuple[str, int], changes: tuple[Change, Change]
) -> None:
    with client, socket.create_connection(upstream, timeout=30) as forth, suppress(OSError):
        client.settimeout(30)
        way = {client: (forth, changes[0]), forth: (client, changes[1])}
        while True:
            for source in select.select(list(way), [], [], 30)[0]:
                sink, change = way[source]
                piece = source.recv(1 << 16)
                altered = change(piece) if piece else b""
                if altered is None:
                    for side in way:
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                if not altered:
                    return
                sink.sendall(altered)


class BreaksOff:
    """Resets the connection on which so many bytes have come, that many times."""

    def __init__(self, after: int, times: int) -> None:
        self._after, self._left, self._seen = after, times, 0
        self._lock = threading.Lock()

    def __call__(self, piece: bytes) -> bytes | None:
        """Count a piece; the count begins anew with each break."""
        with self._lock:
            self._seen += len(piece)
            if self._seen < self._after or not self._left:
                return piece
            self._left -= 1
            self._seen = 0
            return None

    @property
    def left(self) -> int:
        """How many breaks did not happen yet."""
        return self._left
