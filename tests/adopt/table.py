"""The table of layouts in `docs/how-to/adopt.md`: what `init` writes, and what is left by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.adopt.layouts import Adopted, Layout

PAGE = Path(__file__).parents[2] / "docs/how-to/adopt.md"
HEAD = "| Layout | Images | Lines written | Files | Lines by hand |\n|---|---|---|---|---|"
MOST_LINES = 5


def row(layout: Layout, adopted: Adopted) -> str:
    """Return the row of one layout."""
    files = adopted.proposal.files
    lines = sum(len(text.split("\n")) - 1 for text in files.values())
    cells = (layout.title, len(adopted.proposal.project.images), lines, len(files), layout.lines)
    return f"| {' | '.join(map(str, cells))} |"


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
