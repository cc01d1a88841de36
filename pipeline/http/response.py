"""The response to one HTTP request: status, headers, body."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Response(Struct, frozen=True):
    """A response: status, headers under lower-case names, and the body up to a limit.

    `url` has neither query nor user. `own` is false where a redirect led to another host, and
    `inside` is true where the address that answered is in a private network. `proxy` is a proxy
    that passed the request on without TLS, and may have answered it itself. `latency` is in
    seconds, from the end of the request to the head of the response.
    """

    status: int
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    own: bool = True
    proxy: str = ""
    inside: bool = False
    latency: float = math.inf

    def __repr__(self) -> str:
        """Leave out headers and body, which may hold tokens."""
        return f"{type(self).__name__}({self.status}, {self.url!r}, own={self.own})"

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def size(self) -> int:
        """`Content-Length` in bytes, 0 where it is missing or not a number."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
