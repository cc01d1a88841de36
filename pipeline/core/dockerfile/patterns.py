"""The shell patterns of `${x#…}`, `${x%…}` and `${x/…/…}`: `*`, `?` and escapes, no classes.

Facts from buildkit `frontend/dockerfile/shell/lex.go`.
"""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def trim_prefix(value: str, pattern: str, *, greedy: bool) -> str:
    """`value` without the shortest, or longest, start that the pattern matches.

    Raises `ValueError` for a bad escape.
    """
    found = re.match(_regex(pattern, greedy=greedy), value)
    return value[found.end() :] if found else value


def trim_suffix(value: str, pattern: str, *, greedy: bool) -> str:
    """`value` without the shortest, or longest, end that the pattern matches.

    Raises `ValueError` for a bad escape.
    """
    return trim_prefix(value[::-1], _reversed(pattern), greedy=greedy)[::-1]


def replace(value: str, pattern: str, replacement: str, *, every: bool) -> str:
    """`value` with the first match, or every match, replaced. Raises `ValueError`."""
    compiled = re.compile(_regex(pattern, greedy=True))
    if not every:
        return compiled.sub(lambda _: replacement, value, count=1)
    return _replace_all(value, compiled, replacement)


def _replace_all(value: str, compiled: re.Pattern[str], replacement: str) -> str:
    """As Go does: no empty match right behind another one, and `$0` in the replacement counts."""
    out: list[str] = []
    end = 0
    behind = -1
    for found in compiled.finditer(value):
        if not (found.start() == found.end() == behind):
            out += (value[end : found.start()], _filled(replacement, found.group()))
            end = found.end()
            behind = end
    return "".join(out) + value[end:]


def _filled(template: str, match: str) -> str:
    def part(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        return match if name == "0" else ""

    return _TEMPLATE.sub(part, template)


def _regex(pattern: str, *, greedy: bool) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
            out.append(re.escape(_escaped(pattern[at : at + 1])))
        elif character == "*":
            out.append(".*" if greedy else ".*?")
        else:
            out.append("." if character == "?" else re.escape(character))
        at += 1
    return "".join(out)


def _escaped(character: str) -> str:
    if character in {"}", "/", "*", "?", "\\"}:
        return character
    raise ValueError(f"`\\{character}` is no escape in a pattern")


def _reversed(pattern: str) -> str:
    """The pattern read from its end, each escape still before what it escapes."""
    return "".join(re.findall(r"\\.|.|\\", pattern, re.DOTALL)[::-1])
