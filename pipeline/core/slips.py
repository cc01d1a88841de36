"""Whether one name is most likely another one, misspelt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORTEST = 3
"""Of shorter names, every other is one edit away."""


def near(written: str, names: Iterable[str]) -> str:
    """The first of `names`, sorted, that one edit or one swap of letters makes of `written`.

    Numbers tell things apart (`node18`, `node20`): names that differ in them are never near. Empty
    where there is none, and where `written` is one of the names itself.

    >>> near("pyton-base", ["os-base", "python-base"]), near("node18", ["node20"])
    ('python-base', '')
    """
    known = set(names)
    if written in known or len(written) < _SHORTEST:
        return ""
    digits = _digits(written)
    likely = (name for name in sorted(known) if len(name) >= _SHORTEST and _digits(name) == digits)
    return next((name for name in likely if _one_slip(written, name)), "")


def _digits(name: str) -> str:
    return re.sub(r"[^0-9]", "", name)


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter more, less or another, or two swapped, make the one of the other."""
    short, long = sorted((one, other), key=len)
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), None)
    if start is None:
        return len(long) - len(short) == 1
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = long[start : start + 2][::-1] == short[start : start + 2]
    return short[start + 1 :] == long[start + 1 :] or (
        swapped and short[start + 2 :] == long[start + 2 :]
    )
