"""A sample of the campaign: each task, each initial state, faults for all and only for ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.campaign import start_registry, verdicts
from tests.faults.case import case_of
from tests.faults.table import describe

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = 10


def sample() -> list[int]:
    """Return the first seed of each combination."""
    sorts: dict[tuple[str, int, str], int] = {}
    for seed in range(1, 200):
        case = case_of(seed)
        sorts.setdefault((case.task, len(case.before), case.whose), seed)
    return sorted(sorts.values())[:SAMPLE]


def test_the_sample_has_every_kind() -> None:
    """Both tasks, all initial states, and faults for BuildKit and for us."""
    cases = [case_of(seed) for seed in sample()]

    assert len(cases) == SAMPLE
    assert {case.task for case in cases} == {"plan", "build-all"}
    assert {len(case.before) for case in cases} == {0, 1, 2, 3}
    assert {case.whose for case in cases} == {"all", "ours"}


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("engine")
def test_a_fault_is_never_read_as_absence_or_presence(tmp_path: Path) -> None:
    """Each run is right or reports what it could not find out; a rerun succeeds."""
    with start_registry(tmp_path) as place:
        wrong = [describe(verdict) for verdict in verdicts(sample(), place, 3) if verdict.wrong]

    assert wrong == []
