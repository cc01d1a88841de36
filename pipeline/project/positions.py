"""Line and column of each key and value of a file, and the error of one that cannot be parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from ..errors import KeyPath


class ConfigTextError(ValueError):
    """The reason why flyctl would not read a JSON or YAML text, at `line` and `column` (from 1)."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Position(NamedTuple):
    """A line and a column, both from 1; a column counts characters, not bytes."""

    line: int
    column: int


class Positions(Struct, frozen=True):
    """The positions of keys and of values, by path; a table's value is its first header."""

    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)

    def key(self, path: KeyPath) -> Position | None:
        """Return where a key is, or what is nearest around it; `None` for the whole file."""
        return self._nearest(self.keys, path)

    def value(self, path: KeyPath) -> Position | None:
        """Return where a value is, or what is nearest around it; `None` for the whole file."""
        return self._nearest(self.values, path)

    def _nearest(self, first: dict[KeyPath, Position], path: KeyPath) -> Position | None:
        if path in first:
            return first[path]
        for end in range(len(path), 0, -1):
            for positions in (self.values, self.keys):
                if path[:end] in positions:
                    return positions[path[:end]]
        return None
