"""What `apps` found and made at Fly, as text for a person."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from pipeline.console.apps import titles
from pipeline.console.paint import Cell, Style, columns, status_style
from pipeline.console.terminal import columns_of, painter, write_lines
from pipeline.console.text import clean
from pipeline.core.fly_apps import FlyAppStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from pipeline.console.paint import Paint
    from pipeline.core.fly_apps import FlyApp


def print_fly_apps(
    apps: Sequence[FlyApp],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per app, and how many stand how; to stdout by default."""
    stream = stream or sys.stdout
    lines = fly_app_lines(apps, painter(stream, environ), cells=columns_of(stream))
    write_lines(lines, stream)


def fly_app_lines(apps: Sequence[FlyApp], paint: Paint, *, cells: int | None = None) -> list[str]:
    """A table of apps, and a line such as `exists 3, created 1`."""
    rows = [titles("APP", "STATUS", "IMAGES", "REASON"), *map(_row, apps)]
    counts = Counter(app.status for app in apps)
    total = ", ".join(f"{s.value} {counts[s]}" for s in FlyAppStatus if counts[s])
    return [*columns(rows, paint, cells=cells), "", paint(total, Style.BOLD)]


def _row(app: FlyApp) -> list[Cell]:
    word = app.status.value
    return [
        Cell(clean(app.name)),
        Cell(word, status_style(word)),
        Cell(clean(", ".join(app.images))),
        Cell(clean(app.reason.partition("\n")[0])),
    ]
