"""The answer to one HTTP request: status, headers, body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..reference import Digest, ReferenceSyntaxError, parse_digest

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answer(Struct, frozen=True):
    """One response: status, headers under lower-case names, body up to a cap.

    `url` has neither query nor user. `own` says that the very host answered that was asked, and
    not one that it redirected to; `inside` that its address is of a private network.
    """

    status: int
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    own: bool = True
    proxy: str = ""
    inside: bool = False

    def __repr__(self) -> str:
        """Leave out headers and body, which may hold tokens."""
        return f"{type(self).__name__}({self.status}, {self.url!r}, own={self.own})"

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def digest(self) -> Digest | None:
        """`Docker-Content-Digest`, `None` where it is missing or no digest."""
        try:
            return parse_digest(self.headers.get("docker-content-digest", "").strip())
        except ReferenceSyntaxError:
            return None

    @property
    def size(self) -> int:
        """`Content-Length`, 0 where it is missing."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
