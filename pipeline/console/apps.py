"""Print tables of apps: their state, their releases, the results of a rollback."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from ..model.status import AppState
from .paint import Style, status_style
from .summary import deploy_table, short_digest
from .table import Cell, columns, header
from .terminal import columns_of, painter, write_lines
from .text import clean, hint_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from ..model.apps import Release
    from ..model.report import DeployResult
    from ..model.status import AppStatus, Orphan
    from .paint import Paint

_ORPHANS = "`invoke down --orphans` removes the apps that no image has any more"


def print_status(
    statuses: Sequence[AppStatus],
    stream: TextIO | None = None,
    *,
    orphans: Sequence[Orphan] = (),
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per app, then the number of apps in each state; to stdout by default."""
    stream = stream or sys.stdout
    paint = painter(stream, environ)
    write_lines(status_lines(statuses, paint, orphans, cells=columns_of(stream)), stream)


def print_releases(
    releases: Sequence[Release],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per release, the newest first; to stdout by default."""
    stream = stream or sys.stdout
    paint = painter(stream, environ)
    write_lines(release_lines(releases, paint, cells=columns_of(stream)), stream)


def print_rollback(
    results: Sequence[DeployResult],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per app; to stdout by default."""
    stream = stream or sys.stdout
    lines = deploy_table(results, painter(stream, environ), cells=columns_of(stream))
    write_lines(lines, stream)


def status_lines(
    statuses: Sequence[AppStatus],
    paint: Paint,
    orphans: Sequence[Orphan] = (),
    *,
    cells: int | None = None,
) -> list[str]:
    """Return a table of apps, and a line such as `current 3, missing 1`.

    `cells` is the width of the terminal. A table that is wider loses its digests, if it then fits.
    """
    if not statuses:
        return ["no apps"]
    head = header("APP", "STATE", "RELEASE", "RUNNING", "WANTED", "URL OR REASON")
    rows = [head, *map(_status_row, statuses), *map(_orphan_row, orphans)]
    counts = Counter(status.state for status in statuses)
    total = ", ".join(f"{state.value} {counts[state]}" for state in AppState if counts[state])
    total += f", orphan {len(orphans)}" if orphans else ""
    hints = dict.fromkeys(status.hint for status in statuses if status.hint)
    hints |= dict.fromkeys([_ORPHANS] if orphans else ())
    hint_lines = [f"{paint('hint:', Style.CYAN)} {clean(hint_text(hint))}" for hint in hints]
    table = columns(rows, paint, cells=cells, spare=(3, 4))
    return [*table, "", paint(total, Style.BOLD), *hint_lines]


def release_lines(
    releases: Sequence[Release], paint: Paint, *, cells: int | None = None
) -> list[str]:
    """Return a table of releases."""
    if not releases:
        return ["no releases"]
    head = header("RELEASE", "STATUS", "WHEN", "IMAGE")
    return columns([head, *map(_release_row, releases)], paint, cells=cells)


def _status_row(status: AppStatus) -> list[Cell]:
    now, word = status.now, status.state.value
    show_url = status.state is AppState.CURRENT and now and now.url
    return [
        Cell(clean(status.app or f"apps of {status.image}")),
        Cell(word, status_style(word)),
        Cell(clean(now.release) if now else ""),
        Cell(short_digest(now.digest) if now else "-", Style.DIM),
        Cell(short_digest(status.digest) or "-", Style.DIM),
        Cell(clean(now.url if show_url and now else status.reason.partition("\n")[0])),
    ]


def _orphan_row(orphan: Orphan) -> list[Cell]:
    now = orphan.now
    return [
        Cell(clean(orphan.app)),
        Cell("orphan", status_style("orphan")),
        Cell(clean(now.release)),
        Cell(short_digest(now.digest), Style.DIM),
        Cell("-", Style.DIM),
        Cell("no image of the project has this app any more"),
    ]


def _release_row(release: Release) -> list[Cell]:
    return [
        Cell(clean(release.version)),
        Cell(clean(release.status), status_style(release.status)),
        Cell(clean(release.created) or "-"),
        Cell(clean(str(release.image)) if release.image else "no longer known"),
    ]
