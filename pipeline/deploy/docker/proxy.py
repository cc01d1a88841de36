"""A reverse proxy on loopback that gives each app an address which outlives its releases.

Each release has new containers, which the engine publishes on new ports. The proxy listens on the
app's own port and forwards to the container that serves (`proxy_http`, `proxy_tcp`). There is one
per engine, a process of this machine and not a container: Docker cannot publish another port of a
running container, and no image may be assumed to be there (`docs/why.md`). It is started, detached
from the run, by `proxy_client`, which sends it commands on a Unix socket. It keeps nothing on disk:
after it died, a deploy or `status` restores its routes from the labels of the containers.

It ends when its last route is removed.

    python -m pipeline.deploy.docker.proxy FOLDER

returns as soon as it listens on `FOLDER/socket`. Each line there is a command, a JSON object; the
answer is one too, with the key `error` if the command failed:

    {"do": "route", "key": "web.app:8080", "port": 0, "http": true, "gentle": false,
     "upstream": ["127.0.0.1", 25001]}                              {"port": 21345}
        port 0: choose one; upstream null: keep what there is; gentle: keep an upstream if known
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

    from .proxy_tcp import SocketAddress

SOCKET, LOCK = "socket", "lock"
HOST = "127.0.0.1"
FIRST_PORT, PORTS = 20000, 5000
"""Below the ports that systems assign by themselves (from 32768 on Linux)."""
_CANDIDATES = 50
_POLL = 0.02

JsonObject = dict[str, Any]


class ProxyState(Struct):
    """The routes by key, `APP.GROUP:PORT-IN-THE-CONTAINER`; `over` ends the process."""

    routes: dict[str, Route] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def _route(state: ProxyState, command: JsonObject) -> JsonObject:
    """Listen on a port, and forward it to an upstream."""
    key, upstream = command["key"], command["upstream"]
    route = state.routes.get(key)
    if route is None:
        listener = _listen(key, command["port"])
        if listener is None:
            return {"error": f"port {command['port'] or 'of its own'} is not free"}
        route = Route(listener.getsockname()[1], http=command["http"])
        # Known before the `await`: another command may come meanwhile.
        state.routes[key] = route
        route.server = await asyncio.start_server(partial(_serve, route), sock=listener)
    route.http = command["http"]
    if upstream and not (command["gentle"] and route.upstream):
        route.upstream = (upstream[0], upstream[1])
    return {"port": route.port}


async def _drain(state: ProxyState, command: JsonObject) -> JsonObject:
    """Wait until no request to an upstream is open, `seconds` at most."""
    upstream: SocketAddress = (command["upstream"][0], command["upstream"][1])
    end = time.monotonic() + command["seconds"]
    # The counters notify nobody, so they are polled.
    while (busy := _busy(state, upstream)) and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(_POLL)
    return {"busy": busy}


async def _forget(state: ProxyState, command: JsonObject) -> JsonObject:
    """Stop listening on the ports of some routes."""
    for key in command["keys"]:
        route = state.routes.pop(key, None)
        if route and route.server:
            route.server.close()
    if not state.routes:
        state.over.set()
    return {}


async def _routes(state: ProxyState, _command: JsonObject) -> JsonObject:
    return {key: {"port": r.port, "upstream": r.upstream} for key, r in state.routes.items()}


async def _stop(state: ProxyState, _command: JsonObject) -> JsonObject:
    state.over.set()
    return {}


_COMMANDS = {"route": _route, "drain": _drain, "forget": _forget, "routes": _routes, "stop": _stop}


def _busy(state: ProxyState, upstream: SocketAddress) -> int:
    return sum(route.busy[upstream] for route in state.routes.values())


def _listen(key: str, port: int) -> socket.socket | None:
    """Listen on `port`, or if that is 0 on one derived from the key; `None` if it is taken."""
    for number in [port] if port else _candidates(key):
        listener = socket.socket()
        # Connections of an earlier proxy may still be closing.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen(1024)
        except OSError:
            listener.close()
        else:
            return listener
    return None


def _candidates(key: str) -> Iterator[int]:
    first = zlib.crc32(key.encode())
    return (FIRST_PORT + (first + n) % PORTS for n in range(_CANDIDATES))


async def _serve(route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection of a client."""
    try:
        await (serve_http if route.http else tunnel)(route, (reader, writer))
    except (OSError, TimeoutError, h11.ProtocolError):
        # One side broke off; the other notices when its own connection ends.
        pass
    finally:
        writer.close()


async def _obey(
    state: ProxyState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Execute the commands of one run, a line each."""
    try:
        while line := await reader.readline():
            command = json.loads(line)
            answer = await _COMMANDS[command["do"]](state, command)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _run(listener: socket.socket) -> None:
    state = ProxyState()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, state.over.set)
    server = await asyncio.start_unix_server(partial(_obey, state), sock=listener)
    await state.over.wait()
    # No new connections: from now on a run starts another proxy, which waits for the lock.
    server.close()
    # Let the answer to the last command go out.
    await asyncio.sleep(_POLL)


def main(folder: Path) -> None:
    """Run the proxy of `folder`; the calling process exits as soon as the proxy listens."""
    lock = (folder / LOCK).open("w", encoding="utf-8")
    # One proxy at a time. The lock belongs to the process, and ends with it in any case.
    fcntl.flock(lock, fcntl.LOCK_EX)
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    if os.fork():
        os._exit(0)
    os.setsid()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    asyncio.run(_run(listener))
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
