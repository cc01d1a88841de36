"""What others wrote, made fit for a terminal: no control characters, no secrets, not too long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = 200
_SHORTEST_SECRET = 4
"""Characters: what is shorter stands in half of all words, and protects nothing."""


def read_json(content: bytes) -> object:
    """What a server wrote as JSON, `None` for what is none or is nested without an end."""
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found


def plain(text: str, secrets: Iterable[str] = ()) -> str:
    r"""One line of at most 200 printable characters, with `***` for each of `secrets`.

    >>> plain("denied\n\x1b[31m", ["denied"])
    '*** [31m'
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"
