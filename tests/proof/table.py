"""The verdicts as tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.proof.verdict import NEEDLESS, NOT_HERE, OTHER, REFUSED, RIGHT, SKIP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.proof.verdict import Verdict

WORDS = (RIGHT, REFUSED, NEEDLESS, NOT_HERE, SKIP, OTHER)


def counts_by(
    key: Callable[[Verdict], str], title: str, verdicts: Iterable[Verdict]
) -> Iterator[str]:
    """Yield how often each row had each verdict."""
    rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        rows[key(verdict)][verdict.word] += 1
    yield _row(title, WORDS)
    for name, counts in sorted(rows.items()):
        yield _row(name, [counts[word] or "-" for word in WORDS])
    total = sum(rows.values(), Counter())
    yield _row("in all", [total[word] for word in WORDS])


def exceptions(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield the exceptions by their argument in the documentation."""
    counts = Counter((v.word, v.argument) for v in verdicts if v.word in (SKIP, NEEDLESS))
    for (word, why), number in sorted(counts.items()):
        yield f"{word}, {number} times: {why or 'NOTHING ARGUES FOR IT'}"


def errors(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield the errors."""
    for verdict in verdicts:
        if not verdict.argument:
            pair = verdict.pair
            yield f"{verdict.word}: {pair.case.name}: {pair.kind} ({pair.what}): {verdict.detail}"


def _row(name: str, cells: Iterable[object]) -> str:
    return f"{name:<42}" + "".join(f"{cell!s:>12}" for cell in cells)
