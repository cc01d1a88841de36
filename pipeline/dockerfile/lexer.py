"""Split the bytes of a Dockerfile into its instructions as single lines, each with its location.

Facts from buildkit `frontend/dockerfile/parser/parser.go`: a line continues if it ends in one
escape character and blanks; comments and empty lines inside are dropped; leading space is removed
from the first line only; a physical line has at most 64 KiB.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import MOST_PROBLEMS, Location, Problem
from .directives import Directive, escape_of, parse_directives, syntax_of
from .errors import RefusedError
from .heredocs import Heredoc, announced
from .instruction_syntax import SPACES

_MAX_LINE = 64 * 1024
MOST_INSTRUCTIONS = 20_000
"""Instructions of one file: ten times as many as in any real one."""
_LONG, _MOST_SEARCHES = 4096, 50
Documents = Callable[[str, str], "tuple[Heredoc, ...]"]


class Line(Struct, frozen=True):
    """One instruction, its continued lines joined.

    `pieces` say where the parts of `text` come from: offset, line and column. A line that is not in
    the file as it is (an ONBUILD trigger) has one piece of offset -1: all of it is there.
    """

    file: str
    text: str
    pieces: tuple[tuple[int, int, int], ...]
    heredocs: tuple[Heredoc, ...] = ()
    _searched: list[_Words] = field(default_factory=list)

    @property
    def location(self) -> Location:
        """Where the instruction begins."""
        return Location(self.file, *self.pieces[0][1:])

    def find(self, token: str) -> Location:
        """Locate `token` after the keyword, preferably as a word of its own.

        Returns the beginning of the instruction if it cannot be found.
        """
        offset = -1
        if token and self.pieces[0][0] >= 0:
            keyword = len(self.text) - len(self.text.lstrip(SPACES).lstrip(_WORD))
            offset = self._offset(token, keyword)
        if offset < 0:
            return self.location
        behind = bisect_right(self.pieces, offset, key=lambda piece: piece[0])
        start, line, column = self.pieces[behind - 1]
        return Location(self.file, line, column + offset - start)

    def _offset(self, token: str, keyword: int) -> int:
        if len(self.text) <= _LONG:
            return _search(self.text, token, keyword)
        if not self._searched:
            self._searched.append(_Words(self.text, keyword))
        return self._searched[0].find(token)

    def moved(self, location: Location) -> Line:
        """Return the same instruction, located at `location`."""
        return replace(self, file=location.file, pieces=((-1, location.line, location.column),))


def _is_too_long(line: str) -> bool:
    return len(line.encode()) > _MAX_LINE - (not line.endswith("\n"))


def _search(text: str, token: str, start: int) -> int:
    first = text.find(token, start)
    if first < 0 or _is_word(text, first, first + len(token), start):
        return first
    word = re.search(rf"(?<!\S){re.escape(token)}(?!\S)", text[start:])
    return start + word.start() if word else first


def _is_word(text: str, begin: int, end: int, start: int) -> bool:
    """Return whether a part of a text, which is read from `start`, has spaces around it."""
    before, after = text[max(begin - 1, start) : begin], text[end : end + 1]
    return (not before or before.isspace()) and (not after or after.isspace())


class _Words:
    """The offsets of the words of a long instruction, so that it is searched once for all."""

    def __init__(self, text: str, start: int) -> None:
        self._text, self._start = text, start
        self._left = _MOST_SEARCHES
        self._offsets: dict[str, int] = {}
        for found in re.finditer(r"\S+", text[start:]):
            self._offsets.setdefault(found[0], start + found.start())

    def find(self, token: str) -> int:
        """Return the offset of `token`; -1 if it is not found, or after too many searches."""
        if token in self._offsets:
            return self._offsets[token]
        self._left -= 1
        return -1 if self._left < 0 else _search(self._text, token, self._start)


_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Lexed(Struct, frozen=True):
    """The instructions of a file, and the values of its directives."""

    lines: tuple[Line, ...]
    escape: str
    syntax: str
    directives: tuple[Directive, ...]
    problems: tuple[Problem, ...]


def lex(source: bytes, file: str, documents: Documents = announced) -> Lexed:
    """Split a Dockerfile into instructions. Never raises: `problems` has what is wrong.

    `documents` returns the here-documents that an instruction announces.
    """
    text = source.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    raw = _physical(text)
    problems: list[Problem] = []
    directives, escape = _directives(raw, file, problems)
    reader = _Reader(file, raw, escape, documents, problems)
    lines = reader.read()
    if not lines and not problems:
        what = "has no instruction" if source else "is empty"
        problems.append(Problem(Location(file), f"the Dockerfile {what}", "begin with `FROM`"))
    return Lexed(lines, escape, syntax_of(text), tuple(directives), tuple(problems))


def _physical(text: str) -> list[str]:
    """Split into lines with their ends; only a newline ends one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return lines if lines[-1] else lines[:-1]


def _directives(raw: list[str], file: str, problems: list[Problem]) -> tuple[list[Directive], str]:
    try:
        found = parse_directives(line.rstrip("\r\n").lstrip(SPACES) for line in raw)
        return found, escape_of(found)
    except RefusedError as error:
        problems.append(Problem(Location(file, int(error.blame), 1), error.message, error.hint))
        return [], "\\"


@cache
def _continuation(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(rf"(?:(?<=[^{mark}])|\A){mark}[ \t]*\Z")


class _Reader(Struct):
    file: str
    raw: list[str]
    escape: str
    documents: Documents
    problems: list[Problem]
    at: int = 0
    parts: list[str] = field(default_factory=list)
    pieces: list[tuple[int, int, int]] = field(default_factory=list)
    length: int = 0

    def read(self) -> tuple[Line, ...]:
        lines: list[Line] = []
        while (physical := self._next()) is not None:
            text = physical.rstrip("\r\n")
            stripped = text.lstrip(SPACES)
            if stripped and not stripped.startswith("#"):
                if len(lines) == MOST_INSTRUCTIONS:
                    self._problem(
                        self.at, f"the file has more than {MOST_INSTRUCTIONS:,} instructions"
                    )
                    break
                lines.append(self._instruction(stripped, len(text) - len(stripped) + 1))
        return tuple(lines)

    def _next(self) -> str | None:
        """Return the next physical line, `None` at the end, or if it is too long."""
        if self.at >= len(self.raw):
            return None
        line = self.raw[self.at]
        self.at += 1
        if 4 * len(line) >= _MAX_LINE and _is_too_long(line):
            self._problem(self.at, f"the line is longer than {_MAX_LINE - 1} bytes")
            self.at = len(self.raw)
            return None
        return line

    def _instruction(self, first: str, column: int) -> Line:
        self.parts, self.pieces, self.length = [], [], 0
        more = self._add(first, self.at, column)
        while more and (physical := self._next()) is not None:
            text = physical.rstrip("\r\n")
            stripped = text.lstrip(SPACES)
            if stripped and not stripped.startswith("#"):
                more = self._add(text, self.at, 1)
        joined = "".join(self.parts)
        start = self.pieces[0][1]
        bodies = tuple(self._body(doc, start) for doc in self.documents(joined, self.escape))
        return Line(self.file, joined, tuple(self.pieces), bodies)

    def _add(self, text: str, number: int, column: int) -> bool:
        """Add a physical line; return whether the instruction continues on the next one."""
        ends = text.rstrip(" \t").endswith(self.escape)
        found = _continuation(self.escape).search(text) if ends else None
        part = text[: found.start()] if found else text
        self.pieces.append((self.length, number, column))
        self.parts.append(part)
        self.length += len(part)
        return found is not None

    def _body(self, doc: Heredoc, start: int) -> Heredoc:
        content: list[str] = []
        while (physical := self._next()) is not None:
            end = physical.rstrip("\r\n")
            if (end.lstrip("\t") if doc.chomp else end) == doc.name:
                return replace(doc, content="".join(content))
            content.append(physical)
        self._problem(start, f"the here-document `{doc.name}` is not closed")
        return doc

    def _problem(self, line: int, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS - 1:
            self.problems.append(Problem(Location(self.file, line, 1), message))
