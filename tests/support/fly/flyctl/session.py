"""One run of `fly`: its words and environment, its output, and whether it still lives."""

from __future__ import annotations

import json
import select
import socketserver
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.support.background import in_background

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping


class GoneError(Exception):
    """The process is dead: SIGKILL, and nothing of it can be told to Fly any more."""


class InterruptedRunError(Exception):
    """It got SIGINT or SIGTERM: it ends in order, with code 127 (facts, 3.2)."""


class FailedError(Exception):
    """Printed as `Error: TEXT`, code 1; `after` is the suggestion below it (facts, 3.2)."""

    def __init__(self, text: str, *, after: str = "", request_id: str = "") -> None:
        super().__init__(text)
        self.after = after
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Session:
    """A process that waits for its output."""

    argv: tuple[str, ...]
    cwd: Path
    environ: Mapping[str, str]
    link: socket.socket

    def out(self, text: str) -> None:
        """Print to stdout, as it is."""
        self._send("o", text)

    def err(self, text: str) -> None:
        """Print to stderr, as it is."""
        self._send("e", text)

    def json(self, value: Any) -> None:
        """Print JSON as flyctl's `render.JSON` does: four spaces deep."""
        self.out(json.dumps(value, indent=4) + "\n")

    def leave(self, code: int) -> None:
        """End the process with a code."""
        self.check()
        with suppress(OSError):
            self.link.sendall(f"x {code}\n".encode())

    def check(self) -> None:
        """Go on only while the process lives.

        Raises:
            GoneError: it was killed.
            InterruptedRunError: it was asked to stop.

        """
        self.pause(0)

    def pause(self, seconds: float) -> None:
        """Wait; the same exceptions as `check`, at once when it happens."""
        readable, _, _ = select.select([self.link], [], [], seconds)
        if not readable:
            return
        try:
            said = self.link.recv(1)
        except OSError:
            raise GoneError from None
        raise InterruptedRunError if said else GoneError

    def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, so long; whether it happened."""
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() >= end:
                return False
            self.pause(0.005)
        return True

    def _send(self, kind: str, text: str) -> None:
        data = text.encode()
        try:
            self.link.sendall(f"{kind} {len(data)}\n".encode() + data)
        except OSError:
            raise GoneError from None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 512


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError, ValueError):
            cwd, count, *rest = iter(self._part, None)
            words = int(cwd and count)
            pairs = (one.partition("=") for one in rest[words:])
            environ = {name: value for name, _, value in pairs}
            session = Session(tuple(rest[:words]), Path(cwd), environ, self.connection)
            cast("dict[str, Callable[[Session], None]]", self.server.__dict__)["run"](session)

    def _part(self) -> str | None:
        length = int(self.rfile.readline())
        return None if length < 0 else self.rfile.read(length).decode(errors="surrogateescape")


@contextmanager
def answering(run: Callable[[Session], None]) -> Iterator[int]:
    """Answer the executables on a free port of 127.0.0.1 until the end of the block; the port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.__dict__["run"] = run
    with in_background(server):
        yield int(server.server_address[1])
