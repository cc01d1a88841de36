"""A sample of the proof: every case, every kind of change, against the real BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.cases import CASES
from tests.proof.outside import outside_cases
from tests.proof.table import unargued
from tests.proof.verdict import Pair, judge, pairs_of

if TYPE_CHECKING:
    from pathlib import Path

EACH_CASE, EACH_KIND = 1, 1


def sample() -> list[Pair]:
    """Of all pairs a few, so that each case and each kind of change is among them."""
    chosen: list[Pair] = []
    # The step has no factor in common with the number of pairs: it goes about all of them.
    pairs = pairs_of(CASES)
    for number in range(len(pairs)):
        pair = pairs[number * 997 % len(pairs)]
        cases = sum(one.case is pair.case for one in chosen)
        kinds = sum(one.kind == pair.kind for one in chosen)
        if cases < EACH_CASE or kinds < EACH_KIND:
            chosen.append(pair)
    return chosen


def test_the_sample_has_every_row() -> None:
    """No case and no kind of change is left out."""
    pairs = sample()

    assert {pair.case.name for pair in pairs} == {case.name for case in CASES}
    assert {pair.kind for pair in pairs} == {pair.kind for pair in pairs_of(CASES)}
    assert len(CASES) >= 40


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("engine")
def test_the_fingerprint_is_right_where_buildkit_decides(tmp_path: Path) -> None:
    """No false skip but the deliberate one, no needless rebuild but those that are argued for."""
    with outside_cases(tmp_path) as outside:
        pairs = [pair for pair in pairs_of(outside) if pair.kind in {"external lock", "content"}]
        assert list(unargued(judge([*sample(), *pairs], tmp_path))) == []
