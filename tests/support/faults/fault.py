"""One fault of a request to a registry, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as given to whoever chooses its fault.

    `number` counts the requests to the same path, from 1; `agent` is the header `User-Agent`.
    """

    method: str
    path: str
    number: int
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response; header names as they are sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def given(self, **headers: str) -> Reply:
        """Return a copy with other headers; `_` in a name becomes `-`, case does not matter."""
        new = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = {n: v for n, v in self.headers.items() if n.lower() not in new}
        return Reply(self.status, {**kept, **new}, self.body)


NO_ANSWER = Reply(0)
"""Close the connection before the registry gets the request."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `kind` is its name in tables.

    The proxy waits `wait` seconds first. With `instead`, it sends that reply and does not ask the
    registry; with `raw`, it sends those bytes, which need not be HTTP. Otherwise it asks the
    registry and sends the response, changed by `change`. `cut` is the number of bytes that are
    sent, the head included; then the connection is closed, or reset (RST) if `reset` is true.
    """

    kind: str
    wait: float = 0.0
    instead: Reply | None = None
    raw: bytes = b""
    change: Callable[[Reply], Reply] | None = None
    cut: int | None = None
    reset: bool = False
