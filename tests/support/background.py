"""A server of the standard library in a thread of its own, until the end of a block."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socketserver
    from collections.abc import Iterator


@contextmanager
def in_background(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve meanwhile; at the end it is shut down and closed, and its thread is waited for."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
