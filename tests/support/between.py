"""A real proxy in front of a real registry, with a hook before and after each request."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.scripted import Asked, Reply, scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.scripted import Scripted

    Hook = Callable[[Asked], Reply | None]
    """A hook may sleep. A reply that it returns is sent instead of the registry's response."""

_OWN = frozenset({"connection", "transfer-encoding", "keep-alive"})


def nothing(_asked: Asked) -> None:
    """Change nothing."""


@contextmanager
def between(address: str, before: Hook = nothing, after: Hook = nothing) -> Iterator[Scripted]:
    """Forward to the registry at `address`; call `before` before, `after` after each request."""

    def script(asked: Asked) -> Reply:
        if reply := before(asked):
            return reply
        answer = forwarded(address, asked)
        return after(asked) or answer

    with scripted(script) as server:
        yield server


def forwarded(address: str, asked: Asked) -> Reply:
    """Send a request to the registry and return its response."""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        kept = {k: v for k, v in asked.headers.items() if k not in {*_OWN, "host"}}
        connection.request(asked.method, asked.path, asked.body or None, kept)
        answer = connection.getresponse()
        body = answer.read()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _OWN}
        return Reply(answer.status, headers, body)
    finally:
        connection.close()
