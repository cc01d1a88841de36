"""Print the tables of the tasks `apps` and `keep`."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from ..model.fly_apps import FlyAppStatus
from ..model.keep import KeepStatus
from .paint import Style, status_style
from .summary import short_digest
from .table import Cell, columns, header
from .terminal import columns_of, painter, write_lines
from .text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from ..model.fly_apps import FlyApp
    from ..model.keep import Kept
    from .paint import Paint


def print_fly_apps(
    apps: Sequence[FlyApp],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per app, then the number of apps with each status; to stdout by default."""
    stream = stream or sys.stdout
    lines = fly_app_lines(apps, painter(stream, environ), cells=columns_of(stream))
    write_lines(lines, stream)


def fly_app_lines(apps: Sequence[FlyApp], paint: Paint, *, cells: int | None = None) -> list[str]:
    """Return a table of apps, and a line such as `exists 3, created 1`."""
    rows = [header("APP", "STATUS", "IMAGES", "REASON"), *map(_row, apps)]
    counts = Counter(app.status for app in apps)
    total = ", ".join(f"{s.value} {counts[s]}" for s in FlyAppStatus if counts[s])
    return [*columns(rows, paint, cells=cells), "", paint(total, Style.BOLD)]


def print_kept(
    rows: Sequence[Kept],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per image that is or should be kept; to stdout by default."""
    stream = stream or sys.stdout
    lines = kept_lines(rows, painter(stream, environ), cells=columns_of(stream))
    write_lines(lines, stream)


def kept_lines(rows: Sequence[Kept], paint: Paint, *, cells: int | None = None) -> list[str]:
    """Return a table of images, and a line such as `kept 3, added 1`."""
    if not rows:
        return ["no image is kept"]
    head = header("APP", "STATUS", "FOR", "IMAGE", "MACHINE", "SINCE", "REASON")
    counts = Counter(row.status for row in rows)
    total = ", ".join(f"{s.value} {counts[s]}" for s in KeepStatus if counts[s])
    table = columns([head, *map(_kept_row, rows)], paint, cells=cells)
    return [*table, "", paint(total, Style.BOLD)]


def _kept_row(row: Kept) -> list[Cell]:
    word = row.status.value
    return [
        Cell(clean(row.slot.app)),
        Cell(word, status_style(word)),
        Cell(clean(f"{row.slot.role.value} {row.slot.image}")),
        Cell(short_digest(row.digest) if row.digest else "-", Style.DIM),
        Cell(clean(row.machine) or "-"),
        Cell(clean(row.since) or "-"),
        Cell(clean(row.reason.partition("\n")[0])),
    ]


def _row(app: FlyApp) -> list[Cell]:
    word = app.status.value
    return [
        Cell(clean(app.name)),
        Cell(word, status_style(word)),
        Cell(clean(", ".join(app.images))),
        Cell(clean(app.reason.partition("\n")[0])),
    ]
