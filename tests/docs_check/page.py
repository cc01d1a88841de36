"""Read a page as the steps that a reader takes: files to write, and commands to run.

A fenced block with a `title` is a file. In a block of the language `console`, a line that begins
with `$ ` is a command, and the lines after it are what it prints: a line with `…` alone stands for
any number of lines, and `…` within a line for any characters. A comment right before a block says
what is special about it:

    <!-- exit 4 -->            the last command of the block exits with 4, and not with 0
    <!-- not run: WHY -->      the block is not run

A comment before the first block says what the page needs: `<!-- needs: engine -->`, or `fly`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<language>[\w.-]*)(?: +(?P<options>.*))?$")
_TITLE = re.compile(r'title="([^"]+)"')
_COMMENT = re.compile(r"^<!-- (exit (?P<exit>\d+)|not run: (?P<why>.+)|needs: (?P<needs>\w+)) -->$")


class PageError(Exception):
    """A page that cannot be read as steps."""


class Command(Struct, frozen=True):
    """A command, what it prints, and its exit code; `line` is its line in the page."""

    line: int
    text: str
    output: tuple[str, ...]
    exit_code: int = 0


class File(Struct, frozen=True):
    """A file that the reader writes, relative to the project."""

    line: int
    path: str
    text: str


class Page(Struct, frozen=True):
    """The steps of a page, and what they need: nothing, an `engine`, or `fly`."""

    path: Path
    needs: str
    steps: tuple[Command | File, ...]
    left_out: int
    """Blocks of commands that are not run, each with its reason in the page."""


def read_page(path: Path) -> Page:
    """Read the steps of a page. Raises `PageError` with the place of what is wrong."""
    needs, exit_code, why, left_out = "", 0, "", 0
    steps: list[Command | File] = []
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    for number, line in lines:
        if found := _COMMENT.match(line.strip()):
            needs = found["needs"] or needs
            exit_code, why = int(found["exit"] or 0), found["why"] or ""
        elif found := _FENCE.match(line):
            block = _block(path, number, lines, found)
            title = _TITLE.search(found["options"] or "")
            if why:
                left_out += 1
            elif title:
                steps.append(File(number, title[1], "".join(f"{one}\n" for one in block)))
            elif found["language"] == "console":
                steps += _commands(path, number, block, exit_code)
            exit_code, why = 0, ""
        elif line.strip():
            exit_code, why = 0, ""
    return Page(path, needs, tuple(steps), left_out)


def pages() -> list[Path]:
    """Return all pages: the README and what is below `docs/`."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def matches(expected: tuple[str, ...], printed: list[str]) -> bool:
    """Return whether what was printed is what a page shows.

    >>> matches(("a … c", "…", "z"), ["a b c", "1", "2", "z"])
    True
    >>> matches(("a",), ["a", "b"])
    False
    """
    parts = [
        r"(?:.*\n)*?" if line.strip() == "…" else f"{_within(line.rstrip())}[ ]*\n"
        for line in expected
    ]
    text = "".join(f"{line}\n" for line in printed)
    return re.fullmatch("".join(parts), text) is not None


def _within(line: str) -> str:
    """Return a pattern for one line; columns may be wider or narrower."""
    pieces = (re.escape(piece) for piece in line.split("…"))
    return ".*".join(re.sub(r"(?:\\ ){2,}", " +", piece) for piece in pieces)


def _block(
    path: Path, number: int, lines: Iterator[tuple[int, str]], opened: re.Match[str]
) -> list[str]:
    indent = len(opened["indent"])
    found: list[str] = []
    for _, line in lines:
        if line.strip() == opened["fence"]:
            return found
        found.append(line[indent:] if line[:indent].isspace() else line)
    raise PageError(f"{path}:{number}: the block has no end")


def _commands(path: Path, number: int, block: list[str], exit_code: int) -> list[Command]:
    if not block or not block[0].startswith("$ "):
        raise PageError(f"{path}:{number}: a block of commands begins with `$ `")
    starts = [index for index, line in enumerate(block) if line.startswith("$ ")]
    ends = [*starts[1:], len(block)]
    found = [_command(number + 1 + a, block[a:b]) for a, b in zip(starts, ends, strict=True)]
    last = found[-1]
    return [*found[:-1], Command(last.line, last.text, last.output, exit_code)]


def _command(line: int, lines: list[str]) -> Command:
    """Read a command, which goes on after a backslash at the end of a line."""
    count = 1
    while lines[count - 1].endswith("\\") and count < len(lines):
        count += 1
    text = "\n".join([lines[0].removeprefix("$ "), *lines[1:count]])
    return Command(line, text, tuple(lines[count:]))
