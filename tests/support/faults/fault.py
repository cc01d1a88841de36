"""What can be done to one request on its way to a registry and back: values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a fault is chosen for it; `number` counts those to the same path, from 1.

    `agent` is the client's name for itself.
    """

    method: str
    path: str
    number: int
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer held whole; header names as they are sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def given(self, **headers: str) -> Reply:
        """The same with other headers; `_` stands for `-`, and case does not count."""
        new = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = {n: v for n, v in self.headers.items() if n.lower() not in new}
        return Reply(self.status, {**kept, **new}, self.body)


NO_ANSWER = Reply(0)
"""The connection is closed before the registry is asked."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `kind` is its name in tables.

    First `wait` seconds pass. With `instead`, the registry is not asked; with `raw`, those bytes
    are sent in place of HTTP. Else the registry does what it is asked, and `change` alters its
    answer. `cut` is how many bytes of an answer, its head included, are sent at all; the connection
    then ends, with a reset (RST) where `reset` says so.
    """

    kind: str
    wait: float = 0.0
    instead: Reply | None = None
    raw: bytes = b""
    change: Callable[[Reply], Reply] | None = None
    cut: int | None = None
    reset: bool = False
