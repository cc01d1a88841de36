"""How much the variables of one Dockerfile may come to: `ENV A=$A$A` doubles with each line.

The limit is of ours. BuildKit has none, and is ended by the memory that it takes; a Dockerfile that
anybody builds stays below a thousandth of it.
"""

from __future__ import annotations

from .errors import RefusedError

MOST = 16 << 20
"""Characters, all in all, of the values that a build of one target is made with."""


class TooMuchError(RefusedError):
    """There is no more room, for this line or any behind it."""


class Budget:
    """What is left of the limit, for all texts of one build."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST

    def spend(self, characters: int) -> None:
        """Take that much of it. Raises `TooMuchError` where there is no more."""
        self.left -= characters
        if self.left < 0:
            raise TooMuchError(
                f"with this line, variables come to more than {MOST >> 20} MiB of text",
                hint="the values are used too often, or grow with each use",
            )
