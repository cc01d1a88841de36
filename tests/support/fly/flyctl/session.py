"""One process of `fly`: its arguments, environment and output, and whether it is still alive."""

from __future__ import annotations

import json
import select
import socketserver
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.support.server_thread import in_background

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping, Sequence


class KilledError(Exception):
    """The process was killed by SIGKILL; it can send nothing more to Fly."""


class InterruptedRunError(Exception):
    """The process got SIGINT or SIGTERM; it exits with code 127 (facts, 3.2)."""


class FailedError(Exception):
    """Prints `Error: TEXT` and exits with 1; `after` is a hint printed below it (facts, 3.2)."""

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
        """Write text to stdout."""
        self._send("o", text)

    def err(self, text: str) -> None:
        """Write text to stderr."""
        self._send("e", text)

    def json(self, value: Any) -> None:
        """Print JSON as flyctl's `render.JSON` does, indented by four spaces."""
        self.out(json.dumps(value, indent=4) + "\n")

    def become(self, words: Sequence[str]) -> None:
        """Run another program in place of the process: its path, then its arguments."""
        self._send("r", "\0".join(words))

    def leave(self, code: int) -> None:
        """End the process with an exit code."""
        self.check()
        with suppress(OSError):
            self.link.sendall(f"x {code}\n".encode())

    def check(self) -> None:
        """Raise if the process was killed or interrupted.

        Raises:
            GoneError: it was killed.
            InterruptedRunError: it got SIGINT or SIGTERM.

        """
        self.pause(0)

    def pause(self, seconds: float) -> None:
        """Sleep; raise the exceptions of `check` as soon as they apply."""
        readable, _, _ = select.select([self.link], [], [], seconds)
        if not readable:
            return
        try:
            said = self.link.recv(1)
        except OSError:
            raise KilledError from None
        raise InterruptedRunError if said else KilledError

    def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait until `happened()` is true, at most `seconds`; return whether it is."""
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
            raise KilledError from None


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
def serve_programs(run: Callable[[Session], None]) -> Iterator[int]:
    """Answer the programs on a free port of 127.0.0.1 during the block; yield the port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.__dict__["run"] = run
    with in_background(server):
        yield int(server.server_address[1])
