"""Print which images and apps a change reaches, as a table or as Markdown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import quoted_list
from .cost import cost_text, rounded
from .paint import Style
from .table import Cell, columns, header
from .terminal import columns_of, painter, write_lines
from .text import amount, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.cost import Known
    from ..model.impact import Reached

_NOTHING = "no image is reached"
_MOST_CAUSES = 3


def print_impact(
    found: Sequence[Reached],
    known: Known,
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a row for each image; to stdout by default."""
    stream = stream or sys.stdout
    timed = bool(known.spent)
    titles = ("IMAGE", "APPS", *(("TIME",) if timed else ()), "REASON")
    rows = [header(*titles), *(_row(one, known, timed=timed) for one in found)]
    lines = columns(rows, painter(stream, environ), cells=columns_of(stream)) if found else []
    write_lines([*lines, *[""] * bool(found), _total(found, known)], stream)


def print_markdown(found: Sequence[Reached], known: Known, stream: TextIO | None = None) -> None:
    """Write a Markdown table, as for the comment of a pull request."""
    write_lines(list(_markdown(found, known)), stream or sys.stdout)


def _row(one: Reached, known: Known, *, timed: bool) -> list[Cell]:
    apps = str(len(one.apps)) if one.apps else "-"
    time = [Cell(_time(one, known) or "-")] if timed else []
    return [Cell(clean(one.image), Style.BOLD), Cell(apps), *time, Cell(clean(_why(one)))]


def _time(one: Reached, known: Known) -> str:
    spent = known.spent.get(one.image)
    return rounded(spent.seconds) if spent else ""


def _why(one: Reached) -> str:
    more = len(one.causes) - _MOST_CAUSES
    shown = "; ".join(one.causes[:_MOST_CAUSES])
    return f"{shown}; and {more} more" if more > 0 else shown


def _total(found: Sequence[Reached], known: Known) -> str:
    if not found:
        return _NOTHING
    apps = sum(len(one.apps) for one in found)
    images = amount(len(found), "image", "images")
    all_apps = [app for one in found for app in one.apps]
    took = cost_text(known.cost([one.image for one in found], all_apps))
    more = f": {took}" if took else ""
    return f"{images} to build, {amount(apps, 'app', 'apps')} to deploy{more}"


def _markdown(found: Sequence[Reached], known: Known) -> Iterator[str]:
    titles = ("Image", "Apps", *(("Time",) if known.spent else ()), "Reason")
    yield f"**{_total(found, known)}**"
    if found:
        yield from ("", f"| {' | '.join(titles)} |", f"| {' | '.join('---' for _ in titles)} |")
    for one in found:
        apps = quoted_list(one.apps) if one.apps else ""
        time = (_time(one, known),) if known.spent else ()
        cells = (f"`{one.image}`", apps, *time, _why(one))
        yield f"| {' | '.join(clean(cell).replace('|', chr(92) + '|') for cell in cells)} |"
