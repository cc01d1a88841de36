"""Tables of text. On a terminal, a row that is too wide takes several lines; nothing is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from .paint import Style, plain
from .text import fold, pad, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .paint import Paint

_GAP = "  "
_NOTHING = {"", "-"}


class Cell(Struct, frozen=True):
    """A cell of a table: its text, already made safe, its style and alignment.

    `title` marks the cells of the first row that name the columns.
    """

    text: str
    style: Style = Style.NONE
    right: bool = False
    title: bool = False


def header(*titles: str) -> list[Cell]:
    """Return the first row of a table; the column `TIME` is aligned to the right."""
    return [Cell(title, Style.BOLD, right=title == "TIME", title=True) for title in titles]


def columns(
    rows: Iterable[Sequence[Cell]],
    paint: Paint,
    *,
    cells: int | None = None,
    spare: Sequence[int] = (),
) -> list[str]:
    """Return the lines of a table; see `rows_of_lines`."""
    return [line for some in rows_of_lines(rows, paint, cells=cells, spare=spare) for line in some]


def rows_of_lines(
    rows: Iterable[Sequence[Cell]],
    paint: Paint,
    *,
    cells: int | None = None,
    spare: Sequence[int] = (),
) -> list[list[str]]:
    """Align rows of equal length, with two spaces between columns; return the lines of each.

    `cells` is the width of the terminal. A table that is wider loses the `spare` columns, if it
    then fits. Otherwise the last cell of a row that is too wide goes below it, whole: a reference
    that was cut could not be copied. If even the other columns are too wide, they are not aligned,
    and there are neither titles nor `spare` columns.
    """
    table = list(rows)
    if cells is None or _fits(table, cells):
        return [[line] for line in _aligned(table, paint)]
    fewer = [[cell for at, cell in enumerate(row) if at not in spare] for row in table]
    if spare and _fits(fewer, cells):
        return [[line] for line in _aligned(fewer, paint)]
    if not _fits([[*row[:-1], Cell("")] for row in table], cells):
        return [[] if row[0].title else list(_flowing(row, paint, cells)) for row in fewer]
    widths = _widths(table)
    return [list(_broken(row, widths, paint, cells)) for row in table]


def _fits(table: Sequence[Sequence[Cell]], cells: int) -> bool:
    return max(map(width, _aligned(table, plain)), default=0) <= cells


def _widths(table: Sequence[Sequence[Cell]]) -> list[int]:
    return [max(width(cell.text) for cell in column) for column in zip(*table, strict=True)]


def _aligned(table: Sequence[Sequence[Cell]], paint: Paint) -> list[str]:
    widths = _widths(table)
    return [_line(row, widths, paint) for row in table]


def _line(row: Sequence[Cell], widths: Sequence[int], paint: Paint) -> str:
    *first, last = row
    padded = [
        paint(pad(cell.text, cells, right=cell.right), cell.style)
        for cell, cells in zip(first, widths, strict=False)
    ]
    if last.text:
        padded.append(paint(last.text, last.style))
    return _GAP.join(padded).rstrip()


def _broken(row: Sequence[Cell], widths: Sequence[int], paint: Paint, cells: int) -> Iterator[str]:
    """Return the lines of a row: its last cell goes below if it does not fit beside the others."""
    *first, last = row
    if width(_line(row, widths, plain)) <= cells:
        yield _line(row, widths, paint)
    else:
        yield _line([*first, Cell("")], widths, paint)
        yield from _below(last, paint, cells)


def _flowing(row: Sequence[Cell], paint: Paint, cells: int) -> Iterator[str]:
    """Return the lines of a row whose columns do not fit: as many cells a line as do."""
    *first, last = row
    shown = [cell for at, cell in enumerate(first) if at == 0 or cell.text not in _NOTHING]
    line, taken = "", 0
    for at, cell in enumerate(shown):
        if at and taken + len(_GAP) + width(cell.text) > cells:
            yield line
            line, taken = "", 0
        gap = _GAP if at else ""
        line += gap + paint(cell.text, cell.style)
        taken += len(gap) + width(cell.text)
    yield line
    yield from _below(last, paint, cells)


def _below(last: Cell, paint: Paint, cells: int) -> Iterator[str]:
    if last.text:
        room = cells - len(_GAP)
        yield from (_GAP + paint(text, last.style) for text in fold(last.text, room))
