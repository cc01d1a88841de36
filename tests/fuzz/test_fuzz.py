"""A sample of the campaign: every saved seed, and a few mutations for each target."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.target import SEEDS, judge
from tests.fuzz.targets import TARGETS

MADE = 40


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_is_accepted_or_refused(name: str) -> None:
    """Only our own errors are raised, and they can be printed."""
    target, random = TARGETS[name], Random(name)  # noqa: S311 - the same inputs each time
    seeds = target.seeds()
    for data in seeds:
        assert judge(target, data) is None, data
    for _ in range(MADE):
        data = mutated(random.choice(seeds), seeds, target, random)
        assert judge(target, data) is None, data


def test_every_target_has_seeds_and_every_seed_a_target() -> None:
    """A folder of seeds without a target would not be used."""
    assert {folder.name for folder in SEEDS.iterdir()} == set(TARGETS)
    assert all(TARGETS[name].seeds() for name in TARGETS)
