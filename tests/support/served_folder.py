"""Serve a folder by HTTP on loopback, for Dockerfiles with `ADD https://…`."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing: tests read the output."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[tuple[Path, str]]:
    """Serve `folder`, created if needed; yield it and its address `http://127.0.0.1:PORT`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    with in_background(server):
        yield folder, f"http://127.0.0.1:{server.server_port}"
