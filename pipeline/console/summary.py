"""The summary of a run: how each image and app ended, and the totals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from ..model.report import DeployStatus, ImageStatus
from .paint import Style, status_style
from .table import Cell, columns, header
from .terminal import columns_of
from .text import amount, clean, duration, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from ..model.report import DeployResult, ImageResult, Report
    from ..reference import Digest
    from .paint import Paint
    from .terminal import TolerantStream

MAX_ROWS = 40
"""In a longer table, images and apps that did not change are counted, not listed."""

_UNCHANGED = frozenset({ImageStatus.EXISTS, DeployStatus.CURRENT})
_SHOWN_RESULTS = frozenset({ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.EXISTS})


def write_summary(report: Report, stream: TolerantStream, paint: Paint) -> None:
    """Write the summary to a stream, in its width."""
    lines = summary(report, paint, cells=columns_of(cast("TextIO", stream)))
    stream.write("".join(f"{line}\n" for line in lines))
    stream.flush()


def summary(report: Report, paint: Paint, *, cells: int | None = None) -> list[str]:
    """Return tables of images and apps, and the totals; `cells` is the width of the terminal."""
    lines = image_table(report.images, paint, cells=cells)
    if report.deploys:
        lines += ["", *deploy_table(report.deploys, paint, cells=cells)]
    if lines:
        lines.append("")
    said = [part for line in totals(report) for part in fold(line, cells or len(line))]
    return lines + [paint(part, Style.BOLD) for part in said]


def image_table(
    results: Sequence[ImageResult], paint: Paint, *, cells: int | None = None
) -> list[str]:
    """Return a line per image; if there are many, those that exist are one line together.

    Digests are left out if references then fit into the terminal.
    """
    listed = [r for r in results if len(results) <= MAX_ROWS or r.status not in _UNCHANGED]
    head = header("IMAGE", "STATUS", "TIME", "DIGEST", "REFERENCE OR REASON")
    rows = [head, *map(_image_row, listed)]
    lines = columns(rows, paint, cells=cells, spare=(3,)) if listed else []
    if hidden := len(results) - len(listed):
        lines.append(paint(f"… {amount(hidden, 'more exists', 'more exist')}", Style.DIM))
    return lines


def deploy_table(
    results: Sequence[DeployResult], paint: Paint, *, cells: int | None = None
) -> list[str]:
    """Return a line per app; if there are many, those that are current are one line together."""
    listed = [r for r in results if len(results) <= MAX_ROWS or r.status not in _UNCHANGED]
    head = header("APP", "STATUS", "TIME", "RELEASE", "URL OR REASON")
    lines = columns([head, *map(_deploy_row, listed)], paint, cells=cells) if listed else []
    if hidden := len(results) - len(listed):
        lines.append(paint(f"… {amount(hidden, 'more is', 'more are')} current", Style.DIM))
    return lines


def totals(report: Report) -> list[str]:
    """Return `built 2, exists 5, failed 0 in 12.3 s; 7 requests; 5 builds skipped`.

    The totals of apps come in a line before. Skipped builds are counted: the time that they would
    have taken is unknown.
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
    """Return the first 12 hex digits, as docker shows ids; empty for `None`."""
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


def _image_row(result: ImageResult) -> list[Cell]:
    return [
        Cell(result.name),
        Cell(result.status.value, status_style(result.status.value)),
        _time(result.seconds),
        Cell(short_digest(result.digest), Style.DIM),
        Cell(_text(result)),
    ]


def _text(result: ImageResult) -> str:
    if result.status in _SHOWN_RESULTS:
        return str(result.reference)
    return clean(result.reason.partition("\n")[0])


def _deploy_row(result: DeployResult) -> list[Cell]:
    show_url = result.status in {DeployStatus.DEPLOYED, DeployStatus.CURRENT}
    text = result.url if show_url and result.url else result.reason.partition("\n")[0]
    return [
        Cell(clean(result.app)),
        Cell(result.status.value, status_style(result.status.value)),
        _time(result.seconds),
        Cell(clean(result.release)),
        Cell(clean(text)),
    ]


def _time(seconds: float) -> Cell:
    return Cell(duration(seconds) if seconds else "-", right=True)
