"""Waves cut the apps of a run: none is lost, none comes twice, the order stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.waves import WaveError, reach, split

if TYPE_CHECKING:
    from pipeline.model.settings import Wave

SHARES = st.integers(1, 100).map(lambda share: f"{share}%")
WAVES = st.lists(st.one_of(st.integers(1, 50), SHARES), max_size=6)


@given(st.lists(st.integers(), max_size=60), WAVES)
def test_each_app_is_in_one_wave_and_in_order(apps: list[int], waves: list[Wave]) -> None:
    """No app is lost or moved, and no wave is empty."""
    cut = list(split(apps, waves))
    assert [app for wave in cut for app in wave] == apps
    assert all(cut)


def test_waves_say_how_many_are_done_at_their_end() -> None:
    """A wave says how many are done when it ends, not how many it adds."""
    sizes = [len(wave) for wave in split(range(1000), (1, "10%", "100%"))]
    assert sizes == [1, 99, 900]


def test_what_no_wave_reaches_comes_last() -> None:
    """Waves that do not reach everyone are followed by one that does."""
    assert [len(wave) for wave in split(range(10), (1, 3))] == [1, 2, 7]


def test_without_waves_all_go_at_once() -> None:
    """No waves: one, of everyone."""
    assert [len(wave) for wave in split(range(10), ())] == [10]


def test_a_share_of_few_apps_is_at_least_one() -> None:
    """A share is rounded up."""
    assert reach("1%", 3) == 1


@pytest.mark.parametrize("wave", [0, -1, True, "0%", "101%", "10", "1.5%", "010%", "", "%", "٣%"])
def test_what_is_no_wave_is_refused(wave: Wave) -> None:
    """Zero, more than all, and what only looks like a share."""
    with pytest.raises(WaveError):
        reach(wave, 10)
