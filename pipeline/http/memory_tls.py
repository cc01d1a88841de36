"""TLS through `ssl.MemoryBIO`: inside the TLS of a proxy, and to try a handshake."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, TypeVar

from .addresses import encoded

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

T = TypeVar("T")

_RECORD = 1 << 14


class MemoryTls:
    """Speak TLS over `line` by a socket's methods, each of which ends within the timeout.

    They raise what `ssl` and sockets raise, `TimeoutError` included.
    """

    def __init__(
        self, line: socket.socket, context: ssl.SSLContext, hostname: str, timeout: float
    ) -> None:
        self._line = line
        self._timeout = timeout
        self._heard, self._said = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = encoded(hostname)
        self.session = context.wrap_bio(self._heard, self._said, server_hostname=name)
        self._until_done(self.session.do_handshake)

    @property
    def holds_more(self) -> bool:
        """Whether bytes came that were not read, and that the line no longer has."""
        return bool(self._heard.pending or self.session.pending())

    def settimeout(self, seconds: float) -> None:
        """Set the seconds that each whole call may take."""
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """Return what has come; nothing once the other side has closed the connection."""
        try:
            return self._until_done(lambda: self.session.read(size))
        except ssl.SSLEOFError:
            return b""

    def send(self, data: memoryview) -> int:
        """Send the beginning of `data`; return how many bytes of it."""
        return self._until_done(lambda: self.session.write(data[:_RECORD]))

    def _until_done(self, act: Callable[[], T]) -> T:
        end = time.monotonic() + self._timeout
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._flush(end)
                self._wait(end)
                if data := self._line.recv(_RECORD):
                    self._heard.write(data)
                else:
                    self._heard.write_eof()
            else:
                self._flush(end)
                return done

    def _flush(self, end: float) -> None:
        if data := self._said.read():
            self._wait(end)
            self._line.sendall(data)

    def _wait(self, end: float) -> None:
        """Give the next call of the line the time that is left."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._line.settimeout(left)
