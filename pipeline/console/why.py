"""Print why images would be built."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..model.why import Change, Verdict
from .paint import Style
from .table import Cell, columns
from .terminal import columns_of, painter, write_lines
from .text import amount, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.why import Difference, Explanation
    from .paint import Paint

_INDENT = "  "
_SIGNS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~", Change.MOVED: ">"}
_STYLES = {
    Change.ADDED: Style.GREEN,
    Change.REMOVED: Style.RED,
    Change.CHANGED: Style.YELLOW,
    Change.MOVED: Style.CYAN,
}


def print_why(
    found: Sequence[Explanation],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write each explanation and its differences; to stdout by default."""
    stream = stream or sys.stdout
    paint, cells = painter(stream, environ), columns_of(stream)
    lines = [line for one in found for line in (*why_lines(one, paint, cells=cells), "")]
    write_lines(lines[:-1] or ["nothing would be built or deployed"], stream)


def why_lines(one: Explanation, paint: Paint, *, cells: int | None = None) -> Iterator[str]:
    """Return the lines of one explanation; `cells` is the width of the terminal."""
    yield f"{paint(one.image, Style.BOLD)} {clean(_verdict(one))}"
    rows = [_row(each) for each in one.differences]
    room = cells - len(_INDENT) if cells else None
    lines = columns(rows, paint, cells=room) if rows else []
    yield from (f"{_INDENT}{line}" for line in lines)
    for note in one.notes:
        yield f"  {paint('note:', Style.CYAN)} {clean(note)}"


def _verdict(one: Explanation) -> str:
    commit = f"commit {one.commit[:7]}" if one.commit else ""
    runs = f"runs on {amount(len(one.apps), 'app', 'apps')}" if one.apps else ""
    facts = ", ".join(filter(None, (commit, runs)))
    against = f"{one.against} ({facts})" if facts else str(one.against)
    differ = len(one.differences)
    removed = sum(each.change is Change.REMOVED for each in one.differences)
    total = max(one.inputs + removed, differ)
    verb = "differs" if differ == 1 else "differ"
    compared = f"{differ} of {amount(total, 'input', 'inputs')} {verb} from {against}"
    match one.verdict:
        case Verdict.DIFFERS:
            return f"would be built: {compared}"
        case Verdict.LOST:
            return f"would be built: the registry has lost {against}; no input differs"
        case Verdict.HOLLOW:
            return f"would be built: {one.reference} is hollow, it exists without some of its parts"
        case Verdict.NEVER_BUILT:
            return f"would be built: no earlier image of it was found, {_inputs(one)}"
        case Verdict.EXISTS:
            return f"exists as {one.reference}" + (f"; {compared}" if one.against else "")


def _inputs(one: Explanation) -> str:
    return f"and it has {amount(one.inputs, 'input', 'inputs')}"


def _row(one: Difference) -> list[Cell]:
    name = one.name if one.kind in {"file", "dockerfile"} else f"{one.kind} {one.name}".strip()
    return [
        Cell(_SIGNS[one.change], _STYLES[one.change]),
        Cell(clean(name)),
        Cell(str(one.change)),
        Cell(clean(_values(one)), Style.DIM),
    ]


def _values(one: Difference) -> str:
    if one.because:
        return "because of " + "; ".join(one.because)
    if one.change is Change.MOVED:
        return f"from {one.before}"
    if one.change is Change.CHANGED:
        return f"{one.before or 'nothing'} → {one.after or 'nothing'}"
    return one.after or one.before
