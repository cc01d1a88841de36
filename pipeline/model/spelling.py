"""Whether one name is most likely another one, misspelt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SHORTEST, _LONGEST = 3, 255
"""Of shorter names, every other is one edit away."""


class Slippery:
    """Names, prepared to find the one that somebody meant who wrote another."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._less: dict[str, list[str]] = {}

    def near(self, written: str) -> str:
        """The first name, sorted, that one edit or one swap of letters makes of `written`.

        Numbers tell things apart (`node18`, `node20`): names that differ in them are never near.
        Empty where there is none, and where `written` is one of the names itself.

        >>> names = Slippery(["os-base", "python-base", "node20"])
        >>> names.near("pyton-base"), names.near("node18")
        ('python-base', '')
        """
        if written in self._names or not _SHORTEST <= len(written) <= _LONGEST:
            return ""
        digits = _digits(written)
        # Two that are one slip apart have a text in common that lacks a letter of either.
        found = {name for less in _shorter(written) for name in self._index().get(less, ())}
        likely = (name for name in sorted(found) if _digits(name) == digits)
        return next((name for name in likely if _one_slip(written, name)), "")

    def _index(self) -> Mapping[str, Sequence[str]]:
        """Names by what is left of them without a letter, made when it is asked for."""
        if not self._less:
            for name in self._names:
                if _SHORTEST <= len(name) <= _LONGEST:
                    for less in _shorter(name):
                        self._less.setdefault(less, []).append(name)
        return self._less


def near(written: str, names: Iterable[str]) -> str:
    """The same for a few names.

    >>> near("pyton-base", ["os-base", "python-base"])
    'python-base'
    """
    return Slippery(names).near(written)


def _shorter(name: str) -> set[str]:
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


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
