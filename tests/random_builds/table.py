"""The verdicts as a table, and one verdict in full."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.random_builds.verdict import (
    COPY_DIFFERS,
    FAILS,
    FIRST,
    MODE_BITS,
    NEEDLESS,
    NO_IMAGE,
    REBUILT,
    REFUSED,
    SAME,
    SKIP,
    UNTRIED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.random_builds.verdict import Verdict

WORDS = (
    FIRST,
    SAME,
    REBUILT,
    NEEDLESS,
    MODE_BITS,
    NO_IMAGE,
    REFUSED,
    FAILS,
    UNTRIED,
    SKIP,
    COPY_DIFFERS,
)


def is_built(verdict: Verdict) -> bool:
    """Return whether BuildKit built the image."""
    return verdict.word not in (REFUSED, FAILS, UNTRIED, NO_IMAGE)


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield how often each kind of change had each verdict."""
    kinds = sorted({kind for verdict in verdicts for kind in verdict.changed.kinds})
    yield _row("change", WORDS)
    for kind in kinds:
        counts = Counter(one.word for one in verdicts if kind in one.changed.kinds)
        yield _row(kind, [counts[word] or "-" for word in WORDS])
    counts = Counter(one.word for one in verdicts)
    yield _row("in all", [counts[word] for word in WORDS])
    yield f"{sum(map(is_built, verdicts))} images built"


def _row(name: str, cells: Sequence[object]) -> str:
    return f"{name:<18}" + "".join(f"{cell!s:>20}" for cell in cells)


def _shown(content: bytes) -> str:
    """Return a text as it is, and the beginning of anything else."""
    text = content.decode("utf-8", "backslashreplace")
    return repr(content[:60]) if b"\0" in content else text


def describe(verdict: Verdict) -> str:
    """Return a verdict with all files of the project after the change."""
    lines = [f"{verdict.word}: seed {verdict.seed}, version {verdict.number}"]
    lines += [", ".join(verdict.changed.kinds), verdict.detail]
    for path, node in sorted(verdict.changed.tree.nodes.items()):
        what = f"-> {node.link}" if node.link else "folder" if node.folder else ""
        text = what or f"{node.mode:o} {_shown(node.content)}"
        lines.append(f"  {path}: {text}")
    lines += [f"  {key} = {value}" for key, value in verdict.changed.tree.toml.items()]
    return "\n".join(lines)
