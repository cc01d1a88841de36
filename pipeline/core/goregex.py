r"""Go's regular expressions said in Python's, as far as path patterns can make them.

patternmatcher copies escapes and classes of a pattern into a regular expression, so that Go's
rules for these hold (regexp/syntax): `[]a]` and `[[:alpha:]]` are classes, `\d` is a digit, `\q` is
an error.
"""

from __future__ import annotations

import re

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
_EDGES = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}")
_MOST = 1000
_AS_PYTHON = {"{": r"\{", "}": r"\}", "^": r"(?:\A)"}
_CLASS_NAME = re.compile(r"\[:(\^?)([a-z]+):\]")


def to_python(source: str) -> str:
    """The same expression in Python's syntax. Raises `ValueError` where Go has none."""
    out: list[str] = []
    before = ""
    at = 0
    while at < len(source):
        before, at = _part(source, at, before)
        out.append(_AS_PYTHON.get(before, before))
    return "".join(out)


def _part(source: str, at: int, before: str) -> tuple[str, int]:
    """One part of the expression, and where it ends; `before` is the part before it."""
    repeat = _REPEAT.match(source, at)
    if repeat:
        return _repeated(repeat, before), repeat.end()
    if source[at] == "\\":
        return _escape(source, at), at + 2
    if source[at] == "[":
        return _class(source, at)
    return source[at], at + 1


def _repeated(repeat: re.Match[str], before: str) -> str:
    """How often what is before it has to be there: Go takes no more than 1000, nor `a{2}{3}`."""
    least = int(repeat[1])
    most = int(repeat[3]) if repeat[3] else least
    if least > _MOST or most > _MOST or most < least:
        raise ValueError(f"`{repeat[0]}` is no number of times")
    if before in {"|", "*", "?"} or _REPEAT.fullmatch(before):
        raise ValueError(f"there is nothing that `{repeat[0]}` could repeat")
    return repeat[0]


def _escape(source: str, at: int) -> str:
    char = source[at + 1 : at + 2]
    if char in _SETS:
        return f"[{_SETS[char]}]"
    if char.lower() in _SETS:
        return f"[^{_SETS[char.lower()]}]"
    if char in _EDGES:
        return _EDGES[char]
    return _single(char)


def _single(char: str) -> str:
    """An escape that stands for one character."""
    if char in _CONTROLS:
        return _CONTROLS[char]
    if not char or (char.isascii() and char.isalnum()) or not char.isascii():
        raise ValueError(f"`\\{char}` stands for nothing there")
    return re.escape(char)


def _class(source: str, start: int) -> tuple[str, int]:
    """The class that begins at `start`, and where it ends."""
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
    """A named class, a set, a range or a character of a class, and where it ends."""
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
        raise ValueError(f"`[:{negation}{name}:]` is no class")
    return _POSIX[name]


def _member(source: str, at: int) -> tuple[str, int]:
    if at >= len(source):
        raise ValueError("`[` is not closed")
    if source[at] == "\\":
        return _single(source[at + 1 : at + 2]), at + 2
    return re.escape(source[at]), at + 1
