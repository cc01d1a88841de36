"""Match the shell patterns of `${x#…}`, `${x%…}` and `${x/…/…}`: `*`, `?` and escapes, no classes.

Facts from buildkit `frontend/dockerfile/shell/lex.go`. For the text between two `*`, the first
place where it matches is as good as any later one, so none is tried twice: the time grows with the
lengths of pattern and value alone, as Go's does. `*` and `?` do not match the end of a line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TEMPLATE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


class _Pattern(Struct, frozen=True):
    """The part of fixed length before the first `*`, and all from there on, if there is one."""

    head: re.Pattern[str]
    length: int
    tail: re.Pattern[str] | None

    def end(self, value: str, behind: int) -> int | None:
        """Return where a match ends whose head ends at `behind`, `None` if there is none."""
        if not self.tail:
            return behind
        found = self.tail.match(value, behind)
        return found.end() if found else None


def trim_prefix(value: str, pattern: str, *, greedy: bool) -> str:
    """Remove the shortest, or longest, prefix that the pattern matches.

    Raises `ValueError` for a bad escape.
    """
    read = _read(pattern, greedy=greedy)
    head = read.head.match(value)
    end = read.end(value, head.end()) if head else None
    return value if end is None else value[end:]


def trim_suffix(value: str, pattern: str, *, greedy: bool) -> str:
    """Remove the shortest, or longest, suffix that the pattern matches.

    Raises `ValueError` for a bad escape.
    """
    return trim_prefix(value[::-1], _reversed(pattern), greedy=greedy)[::-1]


def replace(
    value: str, pattern: str, replacement: str, *, every: bool, take: Callable[[int], None]
) -> str:
    """Replace the first match, or every match; call `take` with each replacement's length.

    Raises `ValueError` for a bad escape.
    """
    found = _matches(value, _read(pattern, greedy=True))
    if every:
        return _replace_all(value, found, replacement, take)
    take(len(replacement))
    first = next(found, None)
    return value if first is None else value[: first[0]] + replacement + value[first[1] :]


def _matches(value: str, pattern: _Pattern) -> Iterator[tuple[int, int]]:
    """Yield all matches that do not overlap, from the left."""
    at = 0
    while at <= len(value) and (head := pattern.head.search(value, at)):
        end = pattern.end(value, head.end())
        if end is None:
            # No later head that ends in the same line can match either.
            line_end = value.find("\n", head.end())
            if line_end < 0:
                return
            at = max(head.start() + 1, line_end + 1 - pattern.length)
        else:
            yield head.start(), end
            at = end + (end == head.start())


def _replace_all(
    value: str,
    matches: Iterator[tuple[int, int]],
    replacement: str,
    take: Callable[[int], None],
) -> str:
    """Replace as Go does: no empty match right after another; `$0` in the replacement counts."""
    out: list[str] = []
    end = 0
    behind = -1
    for start, stop in matches:
        if not start == stop == behind:
            filled = _filled(replacement, value[start:stop])
            take(len(filled))
            out += (value[end:start], filled)
            end = behind = stop
    return "".join(out) + value[end:]


def _filled(template: str, match: str) -> str:
    def part(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        return match if name == "0" else ""

    return _TEMPLATE.sub(part, template) if "$" in template else template


def _read(pattern: str, *, greedy: bool) -> _Pattern:
    head, *runs = _runs(pattern)
    compiled = re.compile("".join(head))
    if not runs:
        return _Pattern(compiled, len(head), None)
    *between, last = ("".join(run) for run in runs)
    kept = "".join(f"(?>.*?{run})" for run in between if run)
    star = ".*" if greedy else ".*?"
    return _Pattern(compiled, len(head), re.compile(f"{kept}{star}{last}"))


def _runs(pattern: str) -> list[list[str]]:
    """Split at the stars; return the characters between them as regular expressions."""
    runs: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
            runs[-1].append(re.escape(_escaped(pattern[at : at + 1])))
        elif character == "*":
            runs.append([])
        else:
            runs[-1].append("." if character == "?" else re.escape(character))
        at += 1
    return runs


def _escaped(character: str) -> str:
    if character in {"}", "/", "*", "?", "\\"}:
        return character
    raise ValueError(f"`\\{character}` is not an escape in a pattern")


def _reversed(pattern: str) -> str:
    """Return the pattern read from its end, each escape still before what it escapes."""
    return "".join(re.findall(r"\\.|.|\\", pattern, re.DOTALL)[::-1])
