"""A proxy process that delays each response.

`python -m benchmarks.latency PORT SECONDS` listens on a free port of loopback, prints it on its
first line, and forwards to 127.0.0.1:PORT. A response is sent that many seconds after its request,
or as soon as the server has answered, if that is later.

A request with the same bytes as an earlier one is answered from memory, so that the registry takes
no CPU time from the client.
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
    """Start the proxy of `address` for the block; yield its address."""
    command = [sys.executable, "-m", "benchmarks.latency", address.rpartition(":")[2], str(seconds)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout  # noqa: S101 - it was asked for
        try:
            yield f"127.0.0.1:{int(running.stdout.readline())}"
        finally:
            running.terminate()


async def _serve(port: int, seconds: float) -> None:
    server = await asyncio.start_server(_Proxy(port, seconds).answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class _Proxy:
    def __init__(self, port: int, wait: float) -> None:
        self._port = port
        self._wait = wait
        self._known: dict[bytes, bytes] = {}

    async def answer(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection; without pipelining each read is a request."""
        while asked := await client.read(1 << 16):
            due = asyncio.get_running_loop().time() + self._wait
            if asked not in self._known:
                self._known[asked] = await self._fetched(asked)
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            back.write(self._known[asked])
        back.close()

    async def _fetched(self, asked: bytes) -> bytes:
        """Return the server's response, from a connection that it is told to close."""
        server, there = await asyncio.open_connection("127.0.0.1", self._port)
        there.write(asked.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = await server.read()
        there.close()
        return answer.replace(b"\r\nConnection: close\r\n", b"\r\n", 1)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
