"""Print why images would be built."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..model.why import Change, Verdict
from .paint import Cell, Style, columns
from .terminal import painter, write_lines
from .text import amount, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.why import Difference, Explanation
    from .paint import Paint

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
    paint = painter(stream, environ)
    lines = [line for one in found for line in (*why_lines(one, paint), "")]
    write_lines(lines[:-1] or ["nothing would be built"], stream)


def why_lines(one: Explanation, paint: Paint) -> Iterator[str]:
    """Return the lines of one explanation."""
    yield f"{paint(one.image, Style.BOLD)} {clean(_verdict(one))}"
    rows = [_row(each) for each in one.differences]
    yield from (f"  {line}" for line in columns(rows, paint) if rows)
    for note in one.notes:
        yield f"  {paint('note:', Style.CYAN)} {clean(note)}"


def _verdict(one: Explanation) -> str:
    commit = f" (commit {one.commit[:7]})" if one.commit else ""
    against = f"{one.against}{commit}"
    differ = len(one.differences)
    compared = f"{differ} of {amount(one.inputs, 'input', 'inputs')} differ from {against}"
    match one.verdict:
        case Verdict.DIFFERS:
            return f"would be built: {compared}"
        case Verdict.LOST:
            return f"would be built: the registry has lost {against}; no input differs"
        case Verdict.INCOMPLETE:
            return f"would be built: {one.reference} is incomplete"
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
