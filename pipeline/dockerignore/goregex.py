r"""Parse Go's regular expressions, as far as path patterns can produce them.

patternmatcher copies escapes and classes of a pattern into a regular expression, so Go's rules for
these apply (regexp/syntax): `[]a]` and `[[:alpha:]]` are classes, `\d` is a digit, `\q` is an
error. An expression is parsed into parts, each of one character: Python's own engine backtracks,
and would never finish with some of them (`dockerignore.automaton`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

FOLDERS = "(.*/)?"
"""What patternmatcher makes of a `**` that something follows: any folders, or none."""

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SETS = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_CONTROLS = {"a": r"\x07", "f": r"\f", "t": r"\t", "n": r"\n", "r": r"\r", "v": r"\v"}
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")
_MOST = 1000
_CLASS_NAME = re.compile(r"\[:(\^?)([a-z]+):\]")


class Part(Struct, frozen=True):
    """One character, `least` to `most` times (`None`: unlimited), or an edge.

    `text` is Python's expression for the character, which means the same anywhere, or `FOLDERS`. An
    `edge` takes no character: `A` and `z` are the ends, `b` is a word boundary, `B` is none.
    """

    text: str
    edge: str = ""
    least: int = 1
    most: int | None = 1


def parse(source: str) -> tuple[tuple[Part, ...], ...]:
    """Parse the alternatives of an expression. Raises `ValueError` if it is invalid in Go."""
    alternatives: list[list[Part]] = [[]]
    # Whether a `{2}` may follow: Go repeats nothing that is repeated already.
    repeatable = False
    at = 0
    while at < len(source):
        here = alternatives[-1]
        repeat = _REPEAT.match(source, at)
        if repeat:
            least, most = _times(repeat, repeatable=repeatable)
            here[-1] = _repeated(here[-1], least, most)
            at, repeatable = repeat.end(), False
        elif source.startswith(FOLDERS, at):
            here.append(Part(FOLDERS))
            at, repeatable = at + len(FOLDERS), False
        elif source[at] == "*" and here:
            here[-1] = replace(here[-1], least=0, most=None)
            at, repeatable = at + 1, False
        elif source[at] == "|":
            alternatives.append([])
            at, repeatable = at + 1, False
        else:
            part, at = _part(source, at)
            here.append(part)
            repeatable = True
    return tuple(tuple(parts) for parts in alternatives)


@lru_cache(maxsize=4096)
def single(text: str) -> re.Pattern[str]:
    """Compile the expression of a part. Raises `ValueError` for an invalid range."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(error.msg) from None


def _part(source: str, at: int) -> tuple[Part, int]:
    """Parse a part that takes one character, or an edge; return where it ends."""
    if source[at] == "^":
        return Part("", edge="A"), at + 1
    if source[at] == "\\":
        return _escape(source, at), at + 2
    if source[at] == "[":
        text, at = _class(source, at)
    else:
        text, at = source[at] if source[at] == "." else re.escape(source[at]), at + 1
    single(text)
    return Part(text), at


def _times(repeat: re.Match[str], *, repeatable: bool) -> tuple[int, int | None]:
    """Return how often a part repeats: Go allows at most 1000, and no `a{2}{3}`."""
    least = int(repeat[1])
    most = int(repeat[3]) if repeat[3] else (None if repeat[2] else least)
    if least > _MOST or (most is not None and (most > _MOST or most < least)):
        raise ValueError(f"`{repeat[0]}` is not a number of repetitions")
    if not repeatable:
        raise ValueError(f"there is nothing that `{repeat[0]}` could repeat")
    return least, most


def _repeated(part: Part, least: int, most: int | None) -> Part:
    if part.edge:
        # Repeated, an edge means the same.
        return part if least else Part("", edge="none")
    return replace(part, least=least, most=most)


def _escape(source: str, at: int) -> Part:
    char = source[at + 1 : at + 2]
    if char in _SETS:
        return Part(f"[{_SETS[char]}]")
    if char.lower() in _SETS:
        return Part(f"[^{_SETS[char.lower()]}]")
    if char and char in "AzbB":
        return Part("", edge=char)
    return Part(_single(char))


def _single(char: str) -> str:
    """Translate an escape that stands for one character."""
    if char in _CONTROLS:
        return _CONTROLS[char]
    if not char or (char.isascii() and char.isalnum()) or not char.isascii():
        raise ValueError(f"`\\{char}` has no meaning there")
    return re.escape(char)


def _class(source: str, start: int) -> tuple[str, int]:
    """Translate the class that begins at `start`; return where it ends."""
    at = start + 1
    negated = source.startswith("^", at)
    at += negated
    items: list[str] = []
    first = True
    while first or not source.startswith("]", at):
        if at >= len(source):
            raise ValueError("`[` is not closed")
        item, at = _item(source, at)
        items.append(item)
        first = False
    return f"[{'^' if negated else ''}{''.join(items)}]", at + 1


def _item(source: str, at: int) -> tuple[str, int]:
    """Translate a named class, a set, a range or a character of a class; return where it ends."""
    named = _CLASS_NAME.match(source, at)
    if named:
        return _named(*named.groups()), named.end()
    escaped = source[at + 1 : at + 2] if source[at] == "\\" else ""
    if escaped in _SETS:
        return _SETS[escaped], at + 2
    if escaped and escaped.lower() in _SETS:
        return "\\" + escaped, at + 2
    low, at = _member(source, at)
    if source.startswith("-", at) and not source.startswith("]", at + 1):
        high, at = _member(source, at + 1)
        return f"{low}-{high}", at
    return low, at


def _named(negation: str, name: str) -> str:
    if name not in _POSIX or negation:
        raise ValueError(f"`[:{negation}{name}:]` is not a class")
    return _POSIX[name]


def _member(source: str, at: int) -> tuple[str, int]:
    if at >= len(source):
        raise ValueError("`[` is not closed")
    if source[at] == "\\":
        return _single(source[at + 1 : at + 2]), at + 2
    return re.escape(source[at]), at + 1
