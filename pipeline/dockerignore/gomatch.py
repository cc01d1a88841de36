r"""Match paths with `/` as Go's `filepath.Match`: the wildcards of COPY, ADD and of ignore files.

`*` is any run of characters but `/`, `?` any one but `/`, `[a-z]` and `[^a-z]` a class, `\` takes
the next character literally. Like Go, and unlike `fnmatch`, a malformed pattern is an error even if
the name does not reach the malformed part, and a `*` takes the shortest run after which the
following text matches, for good (https://pkg.go.dev/path/filepath#Match).
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

_NEVER = "(?!)"
_WILD = re.compile(r"(?:[^\\*?\[]|\\.|\\\Z)*[*?\[]", re.DOTALL)


class _Chunk(Struct, frozen=True):
    """The text between two stars, and whether a `*` precedes it."""

    star: bool
    text: re.Pattern[str] | None


def match(pattern: str, name: str) -> bool:
    """Return whether `pattern` matches all of `name`. Raises `ValueError` if it is malformed.

    >>> match("src/*.py", "src/app.py"), match("src/*.py", "src/web/app.py")
    (True, False)
    """
    chunks = _compile(pattern)
    at = 0
    for number, chunk in enumerate(chunks, 1):
        found = _place(chunk, name, at, last=number == len(chunks))
        if found is None:
            return False
        at = found
    return at == len(name)


def check(pattern: str) -> None:
    """Raise `ValueError` if the pattern is malformed, with the reason."""
    _compile(pattern)


def check_as_ignored(pattern: str) -> None:
    """Raise `ValueError` if patternmatcher refuses the pattern.

    It tries it on the name `.` with Go's `filepath.Match`, which stops at the first chunk between
    two stars that does not match: `a*[` is refused, and `a/*[` is not.
    """
    name = "."
    at = 0
    while at < len(pattern):
        chunk, at = _next_chunk(pattern, at)
        last = at == len(pattern)
        found = _place(chunk, name, 0, last=last)
        if found is None or chunk.text is None:
            return
        name = name[found:]


def has_magic(pattern: str) -> bool:
    r"""Return whether a source of COPY is a pattern: whether it has an unescaped wildcard.

    BuildKit takes any other for a plain name, backslashes included.

    >>> has_magic("*.py"), has_magic(r"a\*b")
    (True, False)
    """
    return _WILD.match(pattern) is not None


def _place(chunk: _Chunk, name: str, start: int, *, last: bool) -> int | None:
    """Return where the name continues after the chunk, `None` if it does not match."""
    if chunk.text is None:
        return len(name) if "/" not in name[start:] else None
    stop = _star_limit(name, start) if chunk.star else start
    for at in range(start, stop + 1):
        found = chunk.text.match(name, at)
        if found and not (last and found.end() < len(name)):
            return found.end()
    return None


def _star_limit(name: str, start: int) -> int:
    slash = name.find("/", start)
    return len(name) if slash < 0 else slash


@lru_cache(maxsize=4096)
def _compile(pattern: str) -> tuple[_Chunk, ...]:
    chunks: list[_Chunk] = []
    at = 0
    while at < len(pattern):
        chunk, at = _next_chunk(pattern, at)
        chunks.append(chunk)
    return tuple(chunks)


def _next_chunk(pattern: str, at: int) -> tuple[_Chunk, int]:
    begin = at
    while at < len(pattern) and pattern[at] == "*":
        at += 1
    star = at > begin
    text, at = _chunk(pattern, at)
    return _Chunk(star, re.compile(text, re.DOTALL) if text else None), at


def _chunk(pattern: str, at: int) -> tuple[str, int]:
    """Translate everything up to the next star into a regular expression; return where it ends."""
    parts: list[str] = []
    while at < len(pattern) and pattern[at] != "*":
        part, at = _atom(pattern, at)
        parts.append(part)
    return "".join(parts), at


def _atom(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "?":
        return "[^/]", at + 1
    if pattern[at] == "[":
        return _class(pattern, at)
    character, at = _character(pattern, at)
    return re.escape(character), at


def _class(pattern: str, start: int) -> tuple[str, int]:
    at = start + 1
    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges: list[str] = []
    first = at
    while pattern[at : at + 1] != "]" or at == first:
        text, at = _range(pattern, at)
        ranges.append(text)
    body = "|".join(ranges)
    return (f"(?!{body})." if negated else f"(?:{body})"), at + 1


def _range(pattern: str, at: int) -> tuple[str, int]:
    low, at = _member(pattern, at)
    high = low
    if pattern[at : at + 1] == "-":
        high, at = _member(pattern, at + 1)
    if at >= len(pattern):
        raise ValueError(f"the `[` in the pattern `{pattern}` is never closed")
    return (f"[{re.escape(low)}-{re.escape(high)}]" if low <= high else _NEVER), at


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern):
        raise ValueError(f"the `[` in the pattern `{pattern}` is never closed")
    if pattern[at] in "-]":
        raise ValueError(
            f"the `{pattern[at]}` in a class of the pattern `{pattern}` needs a backslash before it"
        )
    return _character(pattern, at)


def _character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\":
        at += 1
        if at >= len(pattern):
            raise ValueError(f"the pattern `{pattern}` ends in a lone backslash")
    return pattern[at], at + 1
