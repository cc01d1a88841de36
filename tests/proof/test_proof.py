"""A sample of the proof: every case and every kind of change, with the real BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.cases import CASES, LATER
from tests.proof.external_servers import outside_cases
from tests.proof.table import errors
from tests.proof.verdict import Pair, judge, pairs_of

if TYPE_CHECKING:
    from pathlib import Path

EACH_CASE, EACH_KIND = 1, 1


def sample() -> list[Pair]:
    """Return some pairs that contain each case and each kind of change."""
    chosen: list[Pair] = []
    # The step is coprime with the number of pairs, so it visits all of them.
    pairs = pairs_of(CASES)
    for number in range(len(pairs)):
        pair = pairs[number * 997 % len(pairs)]
        cases = sum(one.case is pair.case for one in chosen)
        kinds = sum(one.kind == pair.kind for one in chosen)
        if cases < EACH_CASE or kinds < EACH_KIND:
            chosen.append(pair)
    return chosen


def test_the_sample_has_every_row() -> None:
    """The sample has all cases and all kinds of changes."""
    pairs = sample()

    assert {pair.case.name for pair in pairs} == {case.name for case in CASES}
    assert {pair.kind for pair in pairs} == {pair.kind for pair in pairs_of(CASES)}
    assert len(CASES) >= 40


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("engine")
def test_the_fingerprint_agrees_with_buildkit(tmp_path: Path) -> None:
    """The only false skips and needless rebuilds are the documented exceptions."""
    with outside_cases(tmp_path) as outside:
        kinds = {"external lock", "lock gone", "content"}
        pairs = [pair for pair in pairs_of(outside) if pair.kind in kinds]
        later = pairs_of(LATER)
        pairs += [next(p for p in later if (p.case, p.kind) == (c, "content")) for c in LATER]
        assert list(errors(judge([*sample(), *pairs], tmp_path))) == []
