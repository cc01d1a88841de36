"""Read a file of the user's, mostly TOML: its data, and the location of each part.

An app's configuration may be JSON or YAML (`project.file_format`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Location, Problem
from ..process.read_file import SETTINGS, FileError, read_file
from .file_format import find_positions, language, parse_app_config
from .positions import ConfigTextError
from .result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from .positions import Position, Positions

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DEEPEST = 100
_MOST = 2**63
_WHERE = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"


class Document(Struct, frozen=True):
    """A file. `exists` is false if there is none, which is as good as an empty one.

    With a `profile`, `data` has that table of `[profiles]` merged in, and what came from it is
    located there; `written` is then the data as in the file.
    """

    file: str
    data: Mapping[str, object] = field(default_factory=dict)
    text: str = ""
    exists: bool = False
    profile: str = ""
    written: Mapping[str, object] = field(default_factory=dict)
    _positions: list[Positions] = field(default_factory=list)

    def locate(self, *path: str | int) -> Location:
        """Locate the value at `path`, or what is nearest around it if there is none."""
        return self._location(self._found().value(self._origin(path)))

    def locate_key(self, *path: str | int) -> Location:
        """Locate the last key of `path`."""
        return self._location(self._found().key(self._origin(path)))

    def has(self, *path: str | int) -> bool:
        """Return whether the user wrote a value at `path`."""
        return _has(self.data, path)

    def _origin(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Return the path in the file of a value that may come from the profile."""
        over = ("profiles", self.profile, *path)
        return over if self.profile and _has(self.written, over) else path

    def _location(self, position: Position | None) -> Location:
        return (
            Location(self.file, position.line, position.column) if position else Location(self.file)
        )

    def _found(self) -> Positions:
        # Most files need no location: the grammar is loaded for the first one.
        if not self._positions:
            self._positions.append(find_positions(self.text, self.file))
        return self._positions[0]


def _has(data: object, path: tuple[str | int, ...]) -> bool:
    value = data
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return False
    return True


def read_document(root: Path, file: PurePosixPath, most: int = SETTINGS) -> Result[Document]:
    """Read a file of the project; a missing one is an empty `Document`.

    A byte order mark is accepted, as by Cargo and Go's readers: TOML does not mention one, and
    Windows editors write it.
    """
    shown = str(file)
    try:
        source = read_file(root, file, f"a {language(file.name)} file", most)
    except FileError as error:
        problem = Problem(Location(shown), f"`{file.name}` {error.what}", error.hint)
        return Result(None, (problem,))
    return Result(Document(shown)) if source is None else _parse(source, shown)


def _parse(source: bytes, shown: str) -> Result[Document]:
    import tomli  # noqa: PLC0415 - not needed for `invoke --list`

    source = source.removeprefix(_BOM)
    try:
        text = source.decode()
        document = Document(shown, parse_app_config(text, shown), text, exists=True)
    except UnicodeDecodeError as error:
        return Result(None, (_not_utf8(source, shown, error),))
    except ConfigTextError as error:
        kind, location = language(shown), Location(shown, error.line, error.column)
        hint = f"flyctl reads a file of that name as {kind}"
        return Result(None, (Problem(location, f"not {kind}: {error.message}", hint),))
    except tomli.TOMLDecodeError as error:
        return Result(None, (_not_toml(text, shown, error),))
    except RecursionError:
        deep = Problem(Location(shown), "not TOML that can be read: nested too deeply")
        return Result(None, (deep,))
    except ValueError as error:
        # A number of more digits than Python converts: valid TOML, but surely a mistake.
        return Result(None, (Problem(Location(shown), f"not TOML that can be read: {error}"),))
    problems = tuple(
        Problem(document.locate(*path), message, hint)
        for path, message, hint in _impossible(document.data)
    )
    return Result(None if problems else document, problems)


def _impossible(data: Mapping[str, object]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield values that no program accepts: their path, the reason, and what to do.

    Not recursive: data that one reader could still follow down may be too deep for another.
    """
    left: list[tuple[tuple[str | int, ...], object]] = [((), data)]
    while left:
        path, value = left.pop()
        if len(path) > _DEEPEST:
            yield path, f"this is nested deeper than {_DEEPEST} tables or lists", "remove some"
            return
        if isinstance(value, dict):
            left += [((*path, key), one) for key, one in value.items()]
            value = "".join(value)
        elif isinstance(value, list):
            left += [((*path, index), one) for index, one in enumerate(value)]
        if isinstance(value, str) and "\0" in value:
            yield path, "a name, argument or variable cannot have a NUL in it", "remove it"
        elif isinstance(value, int) and not -_MOST <= value < _MOST:
            yield path, "a number of more than 64 bits", "if it is a text, write it in quotes"


def _not_utf8(source: bytes, shown: str, error: UnicodeDecodeError) -> Problem:
    if source.startswith(_UTF16):
        return Problem(Location(shown), "not UTF-8 but UTF-16", "save it as UTF-8")
    before, byte = source[: error.start].decode(), source[error.start]
    return Problem(_end_of(before, shown), f"not UTF-8: byte 0x{byte:02x}", "save it as UTF-8")


def _not_toml(text: str, shown: str, error: ValueError) -> Problem:
    message = re.sub(_WHERE, "", str(error))
    where = re.search(_WHERE, str(error))
    if where and where[1]:
        location = Location(shown, int(where[1]), int(where[2]))
    else:
        location = _end_of(text, shown)
    return Problem(
        location, f"not TOML: {message[:1].lower()}{message[1:]}", _toml_hint(message, shown)
    )


def _toml_hint(message: str, shown: str) -> str:
    if shown.endswith(".yml"):
        return "flyctl reads YAML from a file whose name ends with `.yaml`: rename it"
    if "Invalid value" in message:
        return 'a string is written in quotes, as in host = "registry.fly.io"'
    if "overwrite" in message or "declare" in message:
        return "a key or table may be written once; remove one of the two"
    if "Unclosed" in message:
        return "close it; the location is where something else was found"
    return "see https://toml.io for how the file is written"


def _end_of(text: str, shown: str) -> Location:
    last = text.rsplit("\n", 1)[-1]
    return Location(shown, text.count("\n") + 1, len(last) + 1)
