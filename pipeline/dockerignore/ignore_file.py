"""Parse ignore files as BuildKit does (`.dockerignore`, `<Dockerfile>.dockerignore`).

The lines are read as moby/patternmatcher's `ignorefile` does: `#` is a comment only in the first
column, blanks around a pattern and after its `!` are removed, and `/a` is `a`.
"""

from __future__ import annotations

from msgspec import Struct

from ..errors import ConfigError, Location, Problem, raise_problems
from .patterns import NO_PATTERNS, SPACE, PatternError, Patterns, clean, parse_pattern

_BOM = b"\xef\xbb\xbf"
# The longest line that Go's `bufio.Scanner` takes.
_LONGEST_LINE = 64 * 1024
_MOST_PATTERNS = 20_000
"""Each pattern is tried on each file that those before it leave."""

_ANY_NAME = "\1"
_HINT = "the pattern language: https://docs.docker.com/build/concepts/context/#syntax"


class Ignore(Struct, frozen=True):
    r"""The patterns that exclude files of a context. Paths are relative to the context, with `/`.

    >>> parse_ignore(b"*\n!src", file=".dockerignore").excludes("src/main.py")
    False
    """

    patterns: Patterns
    file: str = ""

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def excludes(self, path: str) -> bool:
        """Return whether `path` is excluded from the build, itself or by a folder that it is in.

        Raises `ConfigError` if a faulty pattern has to be tried for that.
        """
        try:
            return self.patterns.matches(path)
        except PatternError as error:
            raise ConfigError([self.problem(error)]) from None

    def problem(self, error: PatternError) -> Problem:
        """Describe a faulty pattern that had to be tried."""
        return Problem(Location(self.file, error.line), f"BuildKit refuses it: {error}", _HINT)

    def may_include_below(self, folder: str) -> bool:
        """Return whether a build may see something in an excluded folder; else a walk skips it."""
        return self.patterns.may_negate_in(folder)

    def reason(self, path: str) -> str:
        """Return the line that excludes `path`, as `.dockerignore:3`, or "" if none does."""
        pattern = self.patterns.decider(path)
        return str(Location(self.file, pattern.line)) if pattern else ""


NOTHING = Ignore(NO_PATTERNS)


def parse_ignore(source: bytes, *, file: str) -> Ignore:
    """Parse an ignore file; `file` is its name in errors.

    Bytes that are not UTF-8 are kept as they are, as in the paths of `os.scandir`. Raises
    `ConfigError` with all bad patterns, each at its line.
    """
    found = []
    problems = []
    for number, line in enumerate(_lines(source), start=1):
        try:
            pattern = parse_pattern(_cleaned(line), number)
        except ValueError as error:
            problems.append(Problem(Location(file, number), _message(line, error), _HINT))
        else:
            found += [pattern] if pattern else []
        if len(found) > _MOST_PATTERNS:
            message = f"the file has more than {_MOST_PATTERNS:,} patterns"
            problems.append(Problem(Location(file, number), message, "name folders, not files"))
            break
    raise_problems(problems)
    ignore = Ignore(Patterns(tuple(found)), file)
    # A faulty pattern is an error once it is tried, and this name tries all that any file tries
    # that no pattern before it matches. Without any such file, BuildKit builds.
    ignore.excludes(_ANY_NAME)
    return ignore


def _lines(source: bytes) -> list[str]:
    lines = source.removeprefix(_BOM).split(b"\n")
    return [line.removesuffix(b"\r").decode("utf-8", "surrogateescape") for line in lines]


def _cleaned(line: str) -> str:
    """Return the pattern of one line, in the form that the matcher takes; "" for none."""
    if len(line.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
        raise ValueError(f"a line is longer than {_LONGEST_LINE - 1} bytes")
    if line.startswith("#"):
        return ""
    text = line.strip(SPACE)
    negates = text.startswith("!")
    text = text[negates:].strip(SPACE)
    if text:
        text = clean(text)
        text = text[1:] if len(text) > 1 and text.startswith("/") else text
    return f"!{text}" if negates else text


def _message(line: str, error: ValueError) -> str:
    shown = line if len(line) < 80 else f"{line[:77]}..."
    return f"BuildKit refuses the pattern `{shown.strip()}`: {error}"
