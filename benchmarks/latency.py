"""A proxy behind which each answer takes a while to come; a process of its own.

`python -m benchmarks.latency PORT SECONDS` listens on a free port of loopback, says which on its
first line, and brings what 127.0.0.1:PORT answers so many seconds after it was asked, or as soon as
it is there if that is later: the server's own time is part of the latency, as a client sees it.
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


class _Back(asyncio.Protocol):
    """Gives what the server says to the client, `wait` seconds after the client spoke last."""

    def __init__(self, wait: float, client: asyncio.Transport) -> None:
        self._wait = wait
        self._client = client
        self.asked = 0.0

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_at(self.asked + self._wait, self._client.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        asyncio.get_running_loop().call_at(self.asked + self._wait, self._client.close)


class _Front(asyncio.Protocol):
    """Gives what a client says to the server at once, and notes when."""

    def __init__(self, port: int, wait: float) -> None:
        self._port = port
        self._wait = wait
        self._held: list[bytes] = []
        self._server: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is of a stream
        self._back = _Back(self._wait, transport)
        self._task = asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        made = loop.create_connection(lambda: self._back, "127.0.0.1", self._port)
        self._server, _ = await made
        for piece in self._held:
            self._server.write(piece)

    def data_received(self, data: bytes) -> None:
        self._back.asked = asyncio.get_running_loop().time()
        if self._server is None:
            self._held.append(data)
        else:
            self._server.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        if self._server is not None:
            self._server.close()


async def _serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Front(port, seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
