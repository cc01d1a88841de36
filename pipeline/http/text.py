"""What others wrote, made fit for a terminal: no control characters, no secrets, not too long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..model.masking import masker

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = 200
_VALUES = 1_000_000
"""Values of a JSON text, about: in Python each takes up to forty times its bytes."""


def read_json(content: bytes) -> object:
    """What a server wrote as JSON, `None` for what is none, or is values or levels without an end.

    Eight thousand of Fly's machines have a million values.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _VALUES:
        return None
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
    text = masker(secrets)(text)
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def fits_header(text: str) -> bool:
    """Whether a token may stand in a header: no line break, and nothing beyond ASCII."""
    return text.isascii() and text.isprintable()
