"""The error of an instruction that BuildKit would refuse; it becomes a `Problem` at its line."""

from __future__ import annotations


class RefusedError(ValueError):
    """An instruction that cannot be built.

    `blame` is the text in the instruction that is wrong, for the column; empty for all of it.
    """

    def __init__(self, message: str, *, hint: str = "", blame: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.blame = blame
