"""The front: one process per engine that gives each app an address which stays over releases.

Containers come and go with each release, and so do the ports on which the engine publishes them.
The front listens on the app's own port, and forwards to the container that serves
(`front_http`, `front_tcp`). It is a process of the host, not a container: no image that we could
run it from may be assumed to be at hand. `front_client` starts it, detached from the run, and
tells it on a Unix socket where routes go. It keeps nothing on disk: the labels of the containers
say all that it needs, and a deploy or `status` tells it again when it was gone.

It ends by itself when the last route is forgotten.

    python -m pipeline.deploy.docker.proxy FOLDER

returns as soon as it listens on `FOLDER/socket`. Each line there is a JSON object; the answer is
one, too, with `error` where it was not done:

    {"do": "route", "key": "web.app:8080", "port": 0, "http": true, "gentle": false,
     "upstream": ["127.0.0.1", 25001]}                              {"port": 21345}
        port 0: choose one; upstream null: none yet, or leave it; gentle: leave it if there is one
    {"do": "drain", "upstream": ["127.0.0.1", 25001], "seconds": 5.0}   {"busy": 0}
    {"do": "forget", "keys": ["web.app:8080"]}, {"do": "routes"}, {"do": "stop"}
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import sys
import time
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h11
from msgspec import Struct, field

from .proxy_http import serve_http
from .proxy_tcp import Route, tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .proxy_tcp import Address

SOCKET, LOCK = "socket", "lock"
HOST = "127.0.0.1"
FIRST_PORT, PORTS = 20000, 5000
"""Below what systems give out by themselves (32768 on Linux), so that a port stays free."""
_TRIES = 50
_POLL = 0.02


class Front(Struct):
    """All that the process knows: its routes by key, `APP.GROUP:PORT-IN-THE-CONTAINER`."""

    routes: dict[str, Route] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def _route(front: Front, order: dict[str, Any]) -> dict[str, Any]:
    key, upstream = order["key"], order["upstream"]
    route = front.routes.get(key)
    if route is None:
        listening = _listen(key, order["port"])
        if listening is None:
            return {"error": f"port {order['port'] or 'of its own'} is not free"}
        route = Route(listening.getsockname()[1], http=order["http"])
        # Known before anything is waited for: another order may come meanwhile.
        front.routes[key] = route
        route.server = await asyncio.start_server(partial(_serve, route), sock=listening)
    route.http = order["http"]
    if upstream and not (order["gentle"] and route.upstream):
        route.upstream = (upstream[0], upstream[1])
    return {"port": route.port}


async def _drain(front: Front, order: dict[str, Any]) -> dict[str, Any]:
    """Wait until nothing is under way to a container, and not longer than `seconds`."""
    upstream: Address = (order["upstream"][0], order["upstream"][1])
    end = time.monotonic() + order["seconds"]
    # What ends is counted, and tells nobody.
    while (busy := _busy(front, upstream)) and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(_POLL)
    return {"busy": busy}


async def _forget(front: Front, order: dict[str, Any]) -> dict[str, Any]:
    for key in order["keys"]:
        route = front.routes.pop(key, None)
        if route and route.server:
            route.server.close()
    if not front.routes:
        front.over.set()
    return {}


async def _routes(front: Front, _order: dict[str, Any]) -> dict[str, Any]:
    return {key: {"port": r.port, "upstream": r.upstream} for key, r in front.routes.items()}


async def _stop(front: Front, _order: dict[str, Any]) -> dict[str, Any]:
    front.over.set()
    return {}


_ORDERS = {"route": _route, "drain": _drain, "forget": _forget, "routes": _routes, "stop": _stop}


def _busy(front: Front, upstream: Address) -> int:
    return sum(route.busy[upstream] for route in front.routes.values())


def _listen(key: str, port: int) -> socket.socket | None:
    """A socket on `port`, or where that is 0 on one that follows from the key."""
    for number in [port] if port else _candidates(key):
        found = socket.socket()
        # As servers do: connections of a front before this one may still be closing.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, number))
            found.listen(1024)
        except OSError:
            found.close()
        else:
            return found
    return None


def _candidates(key: str) -> Iterator[int]:
    first = zlib.crc32(key.encode())
    return (FIRST_PORT + (first + n) % PORTS for n in range(_TRIES))


async def _serve(route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a client."""
    try:
        await (serve_http if route.http else tunnel)(route, (reader, writer))
    except (OSError, TimeoutError, h11.ProtocolError):
        # One side broke off, and the other learns it by its own connection's end.
        pass
    finally:
        writer.close()


async def _obey(front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Orders of one run, a line each."""
    try:
        while line := await reader.readline():
            order = json.loads(line)
            writer.write(json.dumps(await _ORDERS[order["do"]](front, order)).encode() + b"\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _run(listening: socket.socket) -> None:
    front = Front()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, front.over.set)
    server = await asyncio.start_unix_server(partial(_obey, front), sock=listening)
    await front.over.wait()
    # No order is taken any more; who comes now starts another front, which waits for the lock.
    server.close()
    # The answer to the order that ended it is still on its way.
    await asyncio.sleep(_POLL)


def main(folder: Path) -> None:
    """Become the front of `folder`: return in the caller's process as soon as it listens."""
    lock = (folder / LOCK).open("w", encoding="utf-8")
    # One front at a time. The lock is the process's own, and ends with it, however it ends.
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(64)
    if os.fork():
        os._exit(0)
    os.setsid()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    asyncio.run(_run(listening))
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
