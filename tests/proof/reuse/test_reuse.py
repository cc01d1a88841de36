"""A sample of the second table: three changes, three dependents, with the real BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.reuse.cases import CHANGES, DEPENDENTS
from tests.proof.reuse.verdict import BUILT, REUSED, World, errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registries import Registry

SAMPLE = {
    "comment": REUSED,
    "the value of a variable": BUILT,
    "ONBUILD with a file of the dependent": BUILT,
}


def test_the_changes_have_names() -> None:
    """Each its own, and the sample is of them."""
    names = [change.name for change in CHANGES]

    assert len(set(names)) == len(names) >= 60
    assert SAMPLE.keys() <= set(names)
    assert len(DEPENDENTS) >= 10


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("base_first", [False, True])
def test_what_is_reused_is_what_a_build_makes(
    tmp_path: Path, registry: Registry, *, base_first: bool
) -> None:
    """No image is reused that a build on the new base would make otherwise."""
    settings = f'[registry]\nhost = "{registry.address}"\n'
    names = ("copies",) if base_first else ("copies", "runs", "below")
    world = World(tmp_path / "project", settings, names=names, base_first=base_first)
    chosen = [change for change in CHANGES if change.name in SAMPLE]

    judged = list(world.judge(chosen))

    assert list(errors(judged, {change.name: change.same for change in chosen})) == []
    assert {one.change: one.verdict for one in judged} == SAMPLE
