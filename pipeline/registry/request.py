"""A request to a registry, whatever connection it is sent over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..http.response import Response
    from ..http.send import Body

    Check = Callable[[Response], object]


class Request(Struct, frozen=True):
    """A request to a registry: the path with its query, and the scope that a token needs for it.

    A `body` that is too large for memory is a function that begins the same stream anew each time.
    """

    method: str
    path: str
    scope: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


class MirrorsFirst(Protocol):
    """The mirrors of a registry, which are asked before it."""

    def answer(self, request: Request, check: Check, /) -> Response | None:
        """Return the response of the first mirror that has it; `None` where none has."""

    def close(self) -> None:
        """Close all connections."""
