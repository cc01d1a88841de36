"""Print which images and apps a change reaches, as a table or as Markdown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import quoted_list
from .paint import Style
from .table import Cell, columns, header
from .terminal import columns_of, painter, write_lines
from .text import amount, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.impact import Reached

_NOTHING = "no image is reached"
_MOST_CAUSES = 3


def print_impact(
    found: Sequence[Reached],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a row for each image; to stdout by default."""
    stream = stream or sys.stdout
    rows = [header("IMAGE", "APPS", "REASON"), *map(_row, found)]
    lines = columns(rows, painter(stream, environ), cells=columns_of(stream)) if found else []
    write_lines([*lines, *[""] * bool(found), _total(found)], stream)


def print_markdown(found: Sequence[Reached], stream: TextIO | None = None) -> None:
    """Write a Markdown table, as for the comment of a pull request."""
    write_lines(list(_markdown(found)), stream or sys.stdout)


def _row(one: Reached) -> list[Cell]:
    apps = str(len(one.apps)) if one.apps else "-"
    return [Cell(clean(one.image), Style.BOLD), Cell(apps), Cell(clean(_why(one)))]


def _why(one: Reached) -> str:
    more = len(one.causes) - _MOST_CAUSES
    shown = "; ".join(one.causes[:_MOST_CAUSES])
    return f"{shown}; and {more} more" if more > 0 else shown


def _total(found: Sequence[Reached]) -> str:
    if not found:
        return _NOTHING
    apps = sum(len(one.apps) for one in found)
    images = amount(len(found), "image", "images")
    return f"{images} to build, {amount(apps, 'app', 'apps')} to deploy"


def _markdown(found: Sequence[Reached]) -> Iterator[str]:
    yield f"**{_total(found)}**"
    if found:
        yield from ("", "| Image | Apps | Reason |", "| --- | --- | --- |")
    for one in found:
        apps = quoted_list(one.apps) if one.apps else ""
        cells = (f"`{one.image}`", apps, _why(one))
        yield f"| {' | '.join(clean(cell).replace('|', chr(92) + '|') for cell in cells)} |"
