"""Print which externals have moved, and what that reaches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import quoted_list
from .cost import cost_text
from .paint import Style
from .terminal import painter, write_lines
from .text import amount, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.cost import Known
    from ..model.moves import Move
    from ..reference import Digest
    from .paint import Paint


def print_lock(
    moves: Sequence[Move],
    known: Known,
    stream: TextIO | None = None,
    *,
    externals: int,
    written: bool,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write each external that has moved, and how many have; to stdout by default."""
    stream = stream or sys.stdout
    paint = painter(stream, environ)
    lines = [line for move in moves for line in _move_lines(move, known, paint)]
    total = amount(externals, "external", "externals")
    if written:
        last = f"pipeline.lock: {total}, {len(moves)} of them new or moved"
    else:
        verb = "is" if len(moves) == 1 else "are"
        last = f"{len(moves)} of {total} {verb} not as `pipeline.lock` has them"
    write_lines([*lines, last], stream)


def _move_lines(move: Move, known: Known, paint: Paint) -> Iterator[str]:
    was = f"was {_image(move.before, move.version_before)}" if move.before else "was not locked"
    now = _image(move.now, move.version_now)
    yield f"{paint(clean(str(move.reference)), Style.BOLD)} is {now}, and {was}"
    yield f"  images: {quoted_list(move.images)}"
    if move.apps:
        yield f"  apps: {clean(quoted_list(move.apps))}"
    if took := cost_text(known.cost(move.images, move.apps)):
        yield f"  to build and deploy: {took}"


def _image(digest: Digest, version: str) -> str:
    """Return a digest, with the version that the image says it is."""
    return f"`{digest}` ({clean(version)})" if version else f"`{digest}`"
