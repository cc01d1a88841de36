"""Find the commands of our program in a page: in its blocks of code, and between backticks."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCE = re.compile(r"^ *```")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_COMMAND = re.compile(r"(?<![\w./=-])(?:fip|invoke|inv) (?=\S)(.*)")
_END = re.compile(r"\s(?:#|\|\|?|&&|>|2>)(?:\s|$).*|[;)\"'].*|\s…$")
_CORE = ("--dry",)
"""Options of Invoke itself that may come before a task."""


class Call(Struct, frozen=True):
    """A command in a page, as the words after `fip` or `invoke`; `line` counts from 1."""

    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"fip {shlex.join(self.words)}"


def calls(path: Path) -> Iterator[Call]:
    """Yield the commands that name a task; not `fip TASK`, and not options of Invoke alone."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        whole = fenced or line.startswith("    ")
        for text in [line] if whole else _SPAN.findall(line):
            for found in _COMMAND.findall(text):
                words = [w for w in _END.sub("", f"{found} ").split() if w not in _CORE]
                if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
                    yield Call(number, tuple(words))
