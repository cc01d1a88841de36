"""Parse directives at the top of a file: `# syntax=`, `# escape=`, `# check=`.

Facts from buildkit `frontend/dockerfile/parser/directives.go`. BuildKit looks for the frontend's
image in three forms (`#`, `//`, a JSON object), after a shebang if there is one; the parser itself
knows only `#` and no shebang.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from .errors import RefusedError
from .instruction_syntax import SPACES

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTIVE = r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+)"
_KNOWN = frozenset({"syntax", "escape", "check"})


class Directive(Struct, frozen=True):
    """`# name=value` on `line`, counted from 1."""

    name: str
    value: str
    line: int


def parse_directives(lines: Iterable[str], mark: str = "#") -> list[Directive]:
    """Parse the directives at the top of a file.

    They end with the first line that is not a directive, be it another comment or empty. Raises
    `RefusedError` for a second one of a name, with its line as `blame`.
    """
    found: list[Directive] = []
    for number, line in enumerate(lines, 1):
        directive = _directive(line, mark, number)
        if directive is None:
            break
        if any(directive.name == other.name for other in found):
            raise RefusedError(f"`# {directive.name}=` is given twice", blame=str(number))
        found.append(directive)
    return found


def escape_of(found: Iterable[Directive]) -> str:
    r"""Return the escape character: `\` if none is given. Raises `RefusedError`."""
    for directive in found:
        if directive.name == "escape":
            if directive.value not in {"\\", "`"}:
                raise RefusedError(
                    f"`# escape={directive.value}` is neither a backslash nor a backtick",
                    blame=str(directive.line),
                )
            return directive.value
    return "\\"


def syntax_of(text: str) -> str:
    """Return the frontend's image that the file asks for, or nothing; `text` is without its BOM.

    >>> syntax_of("// syntax = acme/frontend:1")
    'acme/frontend:1'
    """
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    for mark in ("#", "//"):
        for directive in _readable(lines, mark):
            if directive.name == "syntax":
                return directive.value.partition(" ")[0]
    return _json_syntax(text)


def _readable(lines: list[str], mark: str) -> list[Directive]:
    """Return the directives before the first error, which the parser reports."""
    try:
        return parse_directives(lines, mark)
    except RefusedError as error:
        return parse_directives(lines[: int(error.blame) - 1], mark)


def _json_syntax(text: str) -> str:
    if not text.lstrip().startswith("{"):
        return ""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    value = found.get("syntax") if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _directive(line: str, mark: str, number: int) -> Directive | None:
    if not line.startswith(mark):
        return None
    found = re.fullmatch(_DIRECTIVE, line.removeprefix(mark).lstrip(SPACES))
    if not found or found[1].lower() not in _KNOWN:
        return None
    # If only blanks follow the `=`, one of them is the value.
    return Directive(found[1].lower(), found[2].rstrip("\t\n\f\r ") or found[2], number)
