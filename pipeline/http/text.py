"""Read what a server wrote, within bounds: JSON, and text that is fit for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..model.masking import masker

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = 200
_VALUES = 1_000_000
"""How many values a JSON text may have, about: in Python each takes up to forty times its bytes."""


def read_json(content: bytes) -> object:
    """Parse JSON; `None` for what is not JSON, or has too many values or levels.

    Lists of thousands of objects with a hundred values each are read.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _VALUES:
        return None
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found


def plain(text: str, secrets: Iterable[str] = ()) -> str:
    r"""Make one line of at most 200 printable characters, with `***` for each of `secrets`.

    >>> plain("denied\n\x1b[31m", ["denied"])
    '*** [31m'
    """
    text = masker(secrets)(text)
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def fits_header(text: str) -> bool:
    """Return whether a header may hold a token: no line break, and nothing beyond ASCII."""
    return text.isascii() and text.isprintable()
