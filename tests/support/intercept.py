"""A real proxy in front of a real registry, with a hook before and after each request."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.scripted_server import ScriptedServer

    Hook = Callable[[Request], Reply | None]
    """A hook may sleep. A reply that it returns is sent instead of the registry's response."""

_OWN = frozenset({"connection", "transfer-encoding", "keep-alive"})


def do_nothing(_request: Request) -> None:
    """Change nothing."""


@contextmanager
def intercept(
    address: str, before: Hook = do_nothing, after: Hook = do_nothing
) -> Iterator[ScriptedServer]:
    """Forward to the registry at `address`; call `before` before, `after` after each request."""

    def script(request: Request) -> Reply:
        if reply := before(request):
            return reply
        answer = forward(address, request)
        return after(request) or answer

    with scripted_server(script) as server:
        yield server


def forward(address: str, request: Request) -> Reply:
    """Send a request to the registry and return its response."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        kept = {k: v for k, v in request.headers.items() if k not in _OWN}
        connection.request(request.method, request.path, request.body or None, kept)
        answer = connection.getresponse()
        body = answer.read()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _OWN}
        return Reply(answer.status, headers, body)
    finally:
        connection.close()
