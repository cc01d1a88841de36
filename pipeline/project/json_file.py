"""Parse a JSON file, and locate its keys and values."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct, field

from .positions import ConfigTextError, Position, Positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..errors import KeyPath


_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def parse_json(text: str) -> Mapping[str, object]:
    """Parse an object as Go does. Raises `ConfigTextError`."""
    try:
        data = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        message = error.msg[:1].lower() + error.msg[1:]
        raise ConfigTextError(message, error.lineno, error.colno) from None
    except RecursionError:
        raise ConfigTextError("nested too deeply") from None
    except ConfigTextError:
        raise
    except ValueError as error:  # a number of more digits than Python converts
        raise ConfigTextError(str(error)) from None
    try:
        text.encode() if "\\u" not in text else json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigTextError("a `\\u` escape is half of a pair") from None
    if not isinstance(data, dict):
        raise ConfigTextError("it must be an object, with its keys in braces", 1, 1)
    return data


def json_positions(text: str) -> Positions:
    """Find the position of every key and value of a text that `parse_json` accepts."""
    finder = _Finder(text)
    with suppress(RecursionError):  # what is nested too deeply is located at what is around it
        finder.value(0, ())
    return finder.positions


def _no_number(word: str) -> NoReturn:
    raise ConfigTextError(f"`{word}` is not a number in JSON")


class _Finder(Struct):
    text: str
    positions: Positions = field(default_factory=Positions)
    ends: list[int] = field(default_factory=list)

    def value(self, start: int, path: KeyPath) -> int:
        """Record the value that begins at or after `start`; return where it ends."""
        at = self._skip(start)
        self.positions.values[path] = self._position(at)
        if self.text[at] in "{[":
            return self._inside(at + 1, path, self.text[at] == "{")
        pattern = _STRING if self.text[at] == '"' else _SCALAR
        found = pattern.match(self.text, at)
        return found.end() if found else len(self.text)

    def _inside(self, start: int, path: KeyPath, named: bool) -> int:  # noqa: FBT001 - object or array
        at, index = self._skip(start), 0
        while self.text[at] not in "]}":
            step: str | int = index
            if named:
                found = _STRING.match(self.text, at)
                end = found.end() if found else at + 1
                step = json.loads(self.text[at:end])
                self.positions.keys[(*path, step)] = self._position(at)
                at = self._skip(end) + 1  # after the colon
            at = self._skip(self.value(at, (*path, step)))
            if self.text[at] == ",":
                at = self._skip(at + 1)
            index += 1
        return at + 1

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _position(self, at: int) -> Position:
        if not self.ends:
            ends = (found.start() for found in re.finditer("\n", self.text))
            self.ends += (*ends, len(self.text))
        line = bisect_left(self.ends, at)
        return Position(line + 1, at - (self.ends[line - 1] if line else -1))
