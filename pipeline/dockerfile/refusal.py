"""What BuildKit would refuse, on its way to becoming a `Problem` at its place."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_MOST_OPTIONS = 500
"""To look through more takes longer than the answer is worth."""


class RefusedError(ValueError):
    """An instruction that cannot be built.

    `blame` is the text in the instruction that is to blame, for the column; empty means all of it.
    """

    def __init__(self, message: str, *, hint: str = "", blame: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.blame = blame


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """The nearest option as a question, or nothing."""
    known = list(options)
    if len(known) > _MOST_OPTIONS:
        return ""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
