"""A request to a registry, before it is known over which connection it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..http.response import Response
    from ..http.send import Body

    Check = Callable[[Response], object]


class Request(Struct, frozen=True):
    """A request to a registry: a path from its root, and the scope that a token needs for it.

    A `body` that is too large to hold is given as a function that begins it anew each time.
    """

    method: str
    path: str
    scope: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


class MirrorsFirst(Protocol):
    """The mirrors of a registry, which are asked before it for what is read."""

    def answer(self, request: Request, check: Check, /) -> Response | None:
        """What the first mirror has that has it, `None` where none has."""

    def close(self) -> None:
        """Let go of the connections."""
