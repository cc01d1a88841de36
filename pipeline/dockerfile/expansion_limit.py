"""Limit the text that variables expand to: `ENV A=$A$A` doubles it with each line.

The limit is ours. BuildKit has none, and runs until its memory is used up; a real Dockerfile needs
less than a thousandth of it.
"""

from __future__ import annotations

from .errors import RefusedError

MOST = 16 << 20
"""Characters of all values together that a build of one target is made with."""


class TooMuchError(RefusedError):
    """The limit is reached, for this line and all that follow."""


class Budget:
    """What is left of the limit, for all texts of one build."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST

    def spend(self, characters: int) -> None:
        """Subtract that many characters. Raises `TooMuchError` if there are fewer left."""
        self.left -= characters
        if self.left < 0:
            raise TooMuchError(
                f"with this line, variables expand to more than {MOST >> 20} MiB of text",
                hint="the values are used too often, or grow with each use",
            )
