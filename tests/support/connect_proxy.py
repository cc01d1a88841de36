"""A real HTTP proxy that tunnels every CONNECT to one server, whatever host it names."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Tunnels:
    """A running proxy: its `address`, and the request line and headers of each request."""

    address: str
    heads: list[str]


@contextmanager
def connect_proxy(server: str, *, status: str = "200 OK") -> Iterator[Tunnels]:
    """Answer each CONNECT with `status`; with 200, tunnel to `server`."""
    heads: list[str] = []
    host, _, port = server.partition(":")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(1)
            heads.append(head.decode())
            self.request.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
            if status.startswith("200"):
                with socket.create_connection((host, int(port))) as there:
                    back = threading.Thread(target=_pour, args=(there, self.request))
                    back.start()
                    _pour(self.request, there)
                    back.join()

    proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(proxy):
        yield Tunnels(f"127.0.0.1:{proxy.server_address[1]}", heads)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
