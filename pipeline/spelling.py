"""Find the name that was most likely meant: "did you mean". Pure, for all that read names.

`closest` takes the most similar of a few known words, for a hint. `Typos` finds a name that one
slip of a finger makes, and no other: its answer may refuse a build.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_COMPARED = 500
"""To compare a word of a file with more takes longer than the answer is worth."""

_SIMILAR = 0.6
_SHORTEST, _LONGEST = 3, 255
"""Of shorter names, every other is one edit away."""


def closest(word: str, known: Iterable[str], *, most: int = MOST_COMPARED) -> str:
    """Return the known word most similar to `word`, whatever the case; empty if none is similar.

    Empty also where there are more than `most` known words.

    >>> closest("hots", ["host", "tag"]), closest("max-paralel", ["max_parallel"])
    ('host', 'max_parallel')
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    by_fold = {_fold(one): one for one in known}
    if len(by_fold) > most:
        return ""
    found = get_close_matches(_fold(word), by_fold, n=1, cutoff=_SIMILAR)
    return by_fold[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str], *, most: int = MOST_COMPARED) -> str:
    """Return the question that suggests the `closest` word, or nothing.

    >>> did_you_mean("hots", ["host", "tag"])
    'did you mean `host`?'
    """
    meant = closest(word, known, most=most)
    return f"did you mean `{meant}`?" if meant else ""


class Typos:
    """Names, indexed to find the one that somebody misspelt."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._less: dict[str, list[str]] = {}

    def meant(self, written: str) -> str:
        """Return the first name, sorted, that one edit or one swap of letters makes of `written`.

        Numbers distinguish names (`node18`, `node20`): one that differs in digits is never meant.
        Empty if there is none, or if `written` is itself one of the names.

        >>> names = Typos(["os-base", "python-base", "node20"])
        >>> names.meant("pyton-base"), names.meant("node18")
        ('python-base', '')
        """
        if written in self._names or not _SHORTEST <= len(written) <= _LONGEST:
            return ""
        digits = _digits(written)
        # Two names one edit apart share a text that lacks one letter of either.
        found = {name for less in _shorter(written) for name in self._index().get(less, ())}
        likely = (name for name in sorted(found) if _digits(name) == digits)
        return next((name for name in likely if _is_one_edit(written, name)), "")

    def _index(self) -> Mapping[str, Sequence[str]]:
        """Names by each text that is left of them without one letter, built on first use."""
        if not self._less:
            for name in self._names:
                if _SHORTEST <= len(name) <= _LONGEST:
                    for less in _shorter(name):
                        self._less.setdefault(less, []).append(name)
        return self._less


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


def _shorter(name: str) -> set[str]:
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


def _digits(name: str) -> str:
    return re.sub(r"[^0-9]", "", name)


def _is_one_edit(one: str, other: str) -> bool:
    """Return whether adding, removing, changing or swapping one letter turns one into the other."""
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
