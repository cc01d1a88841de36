"""A value that is wrong, before its place in a file is known; and the nearest right one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_MOST_LOOKED_AT, _MOST_LISTED = 500, 50


class WrongValueError(ValueError):
    """What is wrong with a value, and what to write instead. Becomes a `Problem` at its place."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def nearest(word: str, known: Iterable[str]) -> str:
    """A question with the known word that looks most like `word`, or nothing.

    >>> nearest("hots", ["host", "tag"])
    'did you mean `host`?'
    """
    by_fold = {_fold(one): one for one in known}
    if len(by_fold) > _MOST_LOOKED_AT:
        return ""
    found = difflib.get_close_matches(_fold(word), by_fold, n=1, cutoff=0.6)
    return f"did you mean `{by_fold[found[0]]}`?" if found else ""


def listing(words: Iterable[str]) -> str:
    """Words as they stand in a sentence: `a`, `b` and `c`; of many, the first."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) > _MOST_LISTED:
        quoted[_MOST_LISTED:] = [f"{len(quoted) - _MOST_LISTED:,} more"]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")
