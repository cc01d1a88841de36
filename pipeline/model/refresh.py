"""Refresh periods: how often an image is built anew although its files stay the same. Pure.

The number of the period is in the key, so that all machines agree on it, and a registry that has
the image of a period ends the question. The period of an image begins at an offset that follows
from its name: else all images would fall due at once.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..reference import ImageName

NEVER = "never"
"""The word for an image without periods, where `[build]` has a default."""
_PERIOD = re.compile(r"([1-9][0-9]{0,3})([hdw])")
_UNITS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


class Refresh(Struct, frozen=True):
    """The period that an image is in.

    `every` is the length as it is written, `seconds` the same as a number. `period` counts from
    1970, and `due` is when the next one begins, in seconds since then.
    """

    every: str
    seconds: int
    period: int
    due: int

    @property
    def option(self) -> str:
        """The text that goes into the key."""
        return f"{self.seconds}/{self.period}"

    @property
    def due_text(self) -> str:
        """When the next period begins, in UTC, as ISO 8601 has it."""
        from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - only to show it

        start = datetime(1970, 1, 1, tzinfo=UTC)
        return (start + timedelta(seconds=self.due)).strftime("%Y-%m-%dT%H:%M:%SZ")


def length(written: str) -> int:
    """Return how many seconds a period lasts, `0` for none. Raises `ValueError`.

    >>> length("7d"), length("1w"), length("12h"), length("never")
    (604800, 604800, 43200, 0)
    """
    if written in {"", NEVER}:
        return 0
    found = _PERIOD.fullmatch(written)
    if not found:
        raise ValueError(f"`{written}` is not a number with `h`, `d` or `w`")
    return int(found[1]) * _UNITS[found[2]]


def refresh(written: str, name: ImageName, instant: int) -> Refresh | None:
    """Return the period of an image at `instant`, in seconds since 1970; `None` for none.

    >>> from pipeline.reference import ImageName
    >>> refresh("7d", ImageName("os-base"), 1_800_000_000)
    Refresh(every='7d', seconds=604800, period=2975, due=1800368939)
    """
    seconds = length(written)
    if not seconds:
        return None
    offset = int(hashlib.sha256(name.encode()).hexdigest(), 16) % seconds
    period = (instant - offset) // seconds
    return Refresh(written, seconds, period, (period + 1) * seconds + offset)
