"""BuildKit's own API on a Unix socket, as `buildkitd` serves it, from an engine's BuildKit.

An engine serves BuildKit's API after an HTTP upgrade (moby `api/server/router/grpc`). buildx's
driver `remote` wants it without one. So this server does the upgrade, and then copies bytes both
ways.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING

from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_UPGRADE = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def buildkitd(engine: Path, path: Path) -> Iterator[str]:
    """Serve at `path` the BuildKit of the engine with the socket `engine`; yield its address."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(str(engine))
                there.sendall(_UPGRADE)
                answer = b""
                while not answer.endswith(b"\r\n\r\n"):
                    answer += there.recv(1)
                assert answer.startswith(b"HTTP/1.1 101 "), answer
                back = threading.Thread(target=_pipe, args=(there, self.request), daemon=True)
                back.start()
                _pipe(self.request, there)
                back.join()

    server = _Server(str(path), Handler)
    with in_background(server):
        yield f"unix://{path}"


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
