"""Colours and columns of text. Words carry the meaning; colour only helps."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from .text import crop, pad, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Style(StrEnum):
    """A text style: the parameter of an SGR escape sequence (ECMA-48)."""

    NONE = ""
    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


Paint = Callable[[str, Style], str]


def coloured(text: str, style: Style) -> str:
    """Return the text with escape sequences for its style."""
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def plain(text: str, _style: Style) -> str:
    """Return the text without a style."""
    return text


STATUS_STYLES = {
    "build": Style.YELLOW,
    "copy": Style.YELLOW,
    "deploy": Style.YELLOW,
    "alias": Style.YELLOW,
    "built": Style.GREEN,
    "copied": Style.GREEN,
    "deployed": Style.GREEN,
    "created": Style.GREEN,
    "added": Style.GREEN,
    "moved": Style.GREEN,
    "absent": Style.RED,
    "ok": Style.GREEN,
    "failed": Style.RED,
    "rolled-back": Style.RED,
    "blocked": Style.YELLOW,
    "held": Style.YELLOW,
    "outdated": Style.YELLOW,
    "missing": Style.YELLOW,
    "unhealthy": Style.RED,
    "unknown": Style.RED,
}


def status_style(word: str) -> Style:
    """Return the style for an action or status; those that need no attention are dim."""
    return STATUS_STYLES.get(word, Style.DIM)


class Cell(Struct, frozen=True):
    """A cell of a table: its text, already made safe, its style and alignment."""

    text: str
    style: Style = Style.NONE
    right: bool = False


def header(*titles: str) -> list[Cell]:
    """Return the first row of a table; the column `TIME` is aligned to the right."""
    return [Cell(title, Style.BOLD, right=title == "TIME") for title in titles]


def columns(rows: Iterable[Sequence[Cell]], paint: Paint, *, cells: int | None = None) -> list[str]:
    """Align rows of equal length, with two spaces between columns and none at the end.

    With `cells`, the last column is cut so that no line is wider.
    """
    table = list(rows)
    widths = [max(width(cell.text) for cell in column) for column in zip(*table, strict=True)]
    room = None if cells is None else max(cells - sum(widths[:-1]) - 2 * (len(widths) - 1), 8)
    return [_line(row, widths, paint, room) for row in table]


def _line(row: Sequence[Cell], widths: Sequence[int], paint: Paint, room: int | None) -> str:
    *first, last = row
    text = last.text if room is None else crop(last.text, room)
    padded = [
        paint(pad(cell.text, cells, right=cell.right), cell.style)
        for cell, cells in zip(first, widths, strict=False)
    ]
    if text:
        padded.append(paint(text, last.style))
    return "  ".join(padded).rstrip()
