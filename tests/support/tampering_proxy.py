"""A real proxy that changes bytes between a client and a registry, or resets connections."""

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
    """Returns the bytes to forward; `None` resets the connection."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with timeout 0: closing the socket sends RST."""


def _same(piece: bytes) -> bytes:
    return piece


@contextmanager
def tampering_proxy(address: str, change: Change, *, back: Change = _same) -> Iterator[str]:
    """Proxy to `127.0.0.1:PORT` during the block; yield the proxy's address.

    `change` is applied to what the client sends, `back` to what the registry sends.
    """
    upstream = ("127.0.0.1", int(address.rpartition(":")[2]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        both = (change, back)
        thread = threading.Thread(target=_serve, args=(server, upstream, both))
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            # Closing a socket does not wake a thread that waits in `accept`.
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


class ResetAfter:
    """Resets a connection after `after` bytes, `times` times."""

    def __init__(self, after: int, times: int) -> None:
        self._after, self._left, self._seen = after, times, 0
        self._lock = threading.Lock()

    def __call__(self, piece: bytes) -> bytes | None:
        """Count the bytes of a piece; start again at 0 after each reset."""
        with self._lock:
            self._seen += len(piece)
            if self._seen < self._after or not self._left:
                return piece
            self._left -= 1
            self._seen = 0
            return None

    @property
    def left(self) -> int:
        """Return how many resets are still to come."""
        return self._left
