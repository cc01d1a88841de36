"""TLS over any connection, in memory: inside TLS with a proxy, and to see who speaks it at all.

httpcore's own for a proxy waits anew for each piece of a record; this ends within its timeout.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

T = TypeVar("T")

_RECORD = 1 << 14


class MemoryTls:
    """A TLS connection over `line`, with a socket's calls, each of which ends within its timeout.

    Raises what `ssl` and sockets raise, `TimeoutError` among it.
    """

    def __init__(
        self, line: socket.socket, context: ssl.SSLContext, hostname: str | None, timeout: float
    ) -> None:
        self._line = line
        self._timeout = timeout
        self._heard, self._said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._heard, self._said, server_hostname=hostname)
        self._until_done(self.session.do_handshake)

    @property
    def holds_more(self) -> bool:
        """Whether something came that was not read, and that the line no longer has."""
        return bool(self._heard.pending or self.session.pending())

    def settimeout(self, seconds: float) -> None:
        """Set how long each call may take, all of it."""
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """What has come; nothing where the other side has hung up."""
        try:
            return self._until_done(lambda: self.session.read(size))
        except ssl.SSLEOFError:
            return b""

    def send(self, data: memoryview) -> int:
        """Send the first of `data`, and say how many bytes of it."""
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
        """Let the next call of the line take as long as is left."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._line.settimeout(left)
