"""A report in lines: what each image and app came to, and what was saved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..model.report import DeployStatus, ImageStatus
from .paint import Cell, Style, columns, plain, status_style
from .text import amount, clean, duration, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.report import DeployResult, ImageResult, Report
    from ..reference import Digest
    from .paint import Paint

FULL = 40
"""Up to so many rows, those that needed nothing are listed too; beyond it they are counted."""

_QUIET = frozenset({ImageStatus.EXISTS, DeployStatus.CURRENT})
_SHOWN_RESULTS = frozenset({ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.EXISTS})


def summary(report: Report, paint: Paint, *, cells: int | None = None) -> list[str]:
    """The tables of images and apps, and the totals; `cells` is a terminal's width."""
    lines = image_table(report.images, paint, cells=cells)
    if report.deploys:
        lines += ["", *deploy_table(report.deploys, paint, cells=cells)]
    if lines:
        lines.append("")
    return lines + [paint(line, Style.BOLD) for line in totals(report)]


def image_table(
    results: Sequence[ImageResult], paint: Paint, *, cells: int | None = None
) -> list[str]:
    """One line per image; many that exist already are one line together.

    Where references do not fit the terminal, digests are left out and the registry's host goes
    into the head: what was cut could not be copied.
    """
    loud = [r for r in results if len(results) <= FULL or r.status not in _QUIET]
    lines = columns(_image_rows(loud, cells), paint, cells=cells) if loud else []
    if hidden := len(results) - len(loud):
        lines.append(paint(f"… {amount(hidden, 'more exists', 'more exist')}", Style.DIM))
    return lines


def deploy_table(
    results: Sequence[DeployResult], paint: Paint, *, cells: int | None = None
) -> list[str]:
    """One line per app."""
    loud = [r for r in results if len(results) <= FULL or r.status not in _QUIET]
    head = _head("APP", "STATUS", "TIME", "RELEASE", "URL OR REASON")
    lines = columns([head, *map(_deploy_row, loud)], paint, cells=cells) if loud else []
    if hidden := len(results) - len(loud):
        lines.append(paint(f"… {amount(hidden, 'more is', 'more are')} current", Style.DIM))
    return lines


def totals(report: Report) -> list[str]:
    """`built 2, exists 5, failed 0 in 12.3 s; 7 requests; 5 builds skipped`, apps in a line before.

    What a skipped build would have cost nobody knows, so it is counted and not timed.
    """
    lines = []
    if report.deploys:
        deploys = Counter(result.status for result in report.deploys)
        lines.append(_counts(deploys, DeployStatus, always=("deployed", "current", "failed")))
    images = Counter(result.status for result in report.images)
    counts = _counts(images, ImageStatus, always=("built", "exists", "failed"))
    parts = [f"{counts} in {duration(report.seconds)}"]
    parts.append(amount(report.requests, "request", "requests"))
    if skipped := images[ImageStatus.EXISTS] + images[ImageStatus.COPIED]:
        parts.append(f"{amount(skipped, 'build', 'builds')} skipped")
    if report.interrupted:
        parts.append("interrupted")
    return [*lines, "; ".join(parts)]


def short_digest(digest: Digest | None) -> str:
    """The first 12 hex digits, as docker shows an id; nothing for none."""
    return digest.partition(":")[2][:12] if digest else ""


def _counts(
    counts: Counter[ImageStatus] | Counter[DeployStatus],
    statuses: Iterable[ImageStatus] | Iterable[DeployStatus],
    *,
    always: tuple[str, ...],
) -> str:
    known = {status.value: number for status, number in counts.items()}
    words = [status.value for status in statuses]
    return ", ".join(f"{w} {known.get(w, 0)}" for w in words if w in always or w in known)


def _head(*titles: str) -> list[Cell]:
    return [Cell(title, Style.BOLD, right=title == "TIME") for title in titles]


def _image_rows(results: Sequence[ImageResult], cells: int | None) -> list[list[Cell]]:
    head = _head("IMAGE", "STATUS", "TIME", "DIGEST", "REFERENCE OR REASON")
    rows = [head, *map(_image_row, results)]
    shown = [r for r in results if r.status in _SHOWN_RESULTS]
    wide = columns([head, *map(_image_row, shown)], plain)
    if cells is None or not shown or max(map(width, wide)) <= cells:
        return rows
    host = shown[0].reference.repository.host
    rest = [[*row[:3], Cell(row[-1].text.removeprefix(f"{host}/"))] for row in rows[1:]]
    return [[*head[:3], Cell(f"REFERENCE ON {host} OR REASON", Style.BOLD)], *rest]


def _image_row(result: ImageResult) -> list[Cell]:
    return [
        Cell(result.name),
        Cell(result.status.value, status_style(result.status.value)),
        _time(result.seconds),
        Cell(short_digest(result.digest), Style.DIM),
        Cell(_what(result)),
    ]


def _what(result: ImageResult) -> str:
    if result.status in _SHOWN_RESULTS:
        return str(result.reference)
    return clean(result.reason.partition("\n")[0])


def _deploy_row(result: DeployResult) -> list[Cell]:
    well = result.status in {DeployStatus.DEPLOYED, DeployStatus.CURRENT}
    what = result.url if well and result.url else result.reason.partition("\n")[0]
    return [
        Cell(clean(result.app)),
        Cell(result.status.value, status_style(result.status.value)),
        _time(result.seconds),
        Cell(clean(result.release)),
        Cell(clean(what)),
    ]


def _time(seconds: float) -> Cell:
    return Cell(duration(seconds) if seconds else "-", right=True)
