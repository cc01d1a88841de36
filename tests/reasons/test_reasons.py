"""Six kinds of change, each named exactly by a record and by Git alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.cases import CASES
from tests.proof.changes import changes
from tests.reasons.pairs import Origin, Place
from tests.support.registries import serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registries import Registry

KINDS = ("content", "move", "executable", "argument", "base", "mtime")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_change(tmp_path: Path, registry: Registry, kind: str) -> None:
    """`python -m tests.reasons` tries all kinds in all cases."""
    first = next(case for case in CASES if case.name == "copy everything")
    case, change = next(
        (case, change)
        for case in (first, *CASES)
        for change in changes(case.tree("nonce"), "other")
        if change.kind == kind
    )
    with serve(tmp_path / "wiped") as wiped:
        origin = Origin(case, Place(registry.address, wiped.address, tmp_path))
        verdict = origin.judge(change, 1)

    assert verdict is not None
    assert verdict.right, verdict
    assert bool(verdict.differs) is (kind != "mtime")
