"""The table of layouts in `docs/how-to/adopt.md`: what `init` writes, and what is left by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console.graph import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.adopt import Proposal
    from tests.adopt.layouts import Adopted, Layout

PAGE = Path(__file__).parents[2] / "docs/how-to/adopt.md"
HEAD = (
    "| Layout | Images | Lines written | Files | Words to read | Lines by hand | Trial | Minutes"
    " |\n"
    "|---|---|---|---|---|---|---|---|"
)
MOST_LINES = 5
WORDS_PER_MINUTE = 200


def row(layout: Layout, adopted: Adopted) -> str:
    """Return the row of one layout."""
    files = adopted.proposal.files
    lines = sum(len(text.split("\n")) - 1 for text in files.values())
    images, words = len(adopted.proposal.project.images), words_to_read(adopted.proposal)
    cells = (layout.title, images, lines, len(files), words, layout.lines, f"{layout.trial} s")
    return f"| {' | '.join(map(str, cells))} | {minutes(words, layout.lines):.1f} |"


def words_to_read(proposal: Proposal) -> int:
    """Count the words that `init` prints: the files, the graph, and what a person must decide."""
    parts = [f"{path} {text}" for path, text in proposal.files.items()]
    parts += [f"{one.where} {one.what} {one.chosen} {one.other}" for one in proposal.questions]
    return len(" ".join([*parts, tree(proposal.project)]).split())


def minutes(words: int, lines: int) -> float:
    """Estimate a person's minutes, in halves, rounded up; the page says how.

    >>> minutes(200, 0), minutes(70, 1)
    (2.0, 2.5)
    """
    return math.ceil(2 * (1 + words / WORDS_PER_MINUTE + lines)) / 2


def documented_rows() -> list[str]:
    """Return the rows of the page."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(HEAD)[2].partition("\n\n")[0].strip().splitlines()


def write_rows(rows: Sequence[str]) -> None:
    """Write the rows into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, after = text.partition(HEAD)
    rest = after.partition("\n\n")[2]
    PAGE.write_text(f"{before}{HEAD}\n" + "\n".join(rows) + f"\n\n{rest}", encoding="utf-8")
