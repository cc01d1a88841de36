"""Waves split the apps of a run: none is lost or repeated, the order stays."""

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
    """Each app is in one wave, in order, and no wave is empty."""
    cut = list(split(apps, waves))
    assert [app for wave in cut for app in wave] == apps
    assert all(cut)


def test_a_wave_counts_all_apps_done_at_its_end() -> None:
    """The number of a wave counts all apps that are done at its end."""
    sizes = [len(wave) for wave in split(range(1000), (1, "10%", "100%"))]
    assert sizes == [1, 99, 900]


def test_remaining_apps_are_the_last_wave() -> None:
    """Apps that are in no configured wave follow in a last one."""
    assert [len(wave) for wave in split(range(10), (1, 3))] == [1, 2, 7]


def test_without_waves_all_go_at_once() -> None:
    """Without waves there is one wave of all apps."""
    assert [len(wave) for wave in split(range(10), ())] == [10]


def test_a_percentage_is_at_least_one_app() -> None:
    """A percentage is rounded up to at least one app."""
    assert reach("1%", 3) == 1


@pytest.mark.parametrize("wave", [0, -1, True, "0%", "101%", "10", "1.5%", "010%", "", "%", "٣%"])
def test_invalid_waves(wave: Wave) -> None:
    """Zero, more than 100 %, and malformed percentages are refused."""
    with pytest.raises(WaveError):
        reach(wave, 10)
