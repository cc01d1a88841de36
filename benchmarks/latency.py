"""A proxy that brings each answer a while later, as a network does; a process of its own.

`python -m benchmarks.latency PORT SECONDS` listens on a free port of loopback, says which on its
first line, and brings what 127.0.0.1:PORT says so many seconds after it was said.
"""

# ruff: noqa: T201 - a command that prints its port

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parent.parent


@contextmanager
def delayed(address: str, seconds: float) -> Iterator[str]:
    """The address of a proxy before `address`."""
    command = [sys.executable, "-m", "benchmarks.latency", address.rpartition(":")[2], str(seconds)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout  # noqa: S101 - it was asked for
        try:
            yield f"127.0.0.1:{int(running.stdout.readline())}"
        finally:
            running.terminate()


class _Pour(asyncio.Protocol):
    """Gives what comes from one side to the other, `wait` seconds later."""

    def __init__(self, wait: float, other: asyncio.Transport | None = None) -> None:
        self._wait = wait
        self._held: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is of a stream
        self.transport = transport

    def meet(self, other: asyncio.Transport) -> None:
        """Name the other side, which was not there from the beginning."""
        self.other = other
        for piece in self._held:
            other.write(piece)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._held.append(data)
        elif self._wait:
            asyncio.get_running_loop().call_later(self._wait, self.other.write, data)
        else:
            self.other.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        if self.other is not None:
            asyncio.get_running_loop().call_later(self._wait, self.other.close)


async def _serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()

    class Front(_Pour):
        def __init__(self) -> None:
            super().__init__(0)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._task = loop.create_task(self._reach())

        async def _reach(self) -> None:
            back = lambda: _Pour(seconds, self.transport)  # noqa: E731 - made by the loop
            transport, _ = await loop.create_connection(back, "127.0.0.1", port)
            self.meet(transport)

    server = await loop.create_server(Front, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
