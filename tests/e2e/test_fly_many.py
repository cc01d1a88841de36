"""One image for many apps: in waves, cut off and resumed, stopped by a sick one and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly_shop import Shop, open_shop
from tests.thousand.scenes import cut_off_and_finished, in_waves, one_sick_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
APPS = 30


@pytest.fixture
def shop(tmp_path: Path, engine: None) -> Iterator[Shop]:
    """An image for thirty apps."""
    del engine
    with open_shop(tmp_path) as opened:
        yield opened


def test_many_apps_in_waves_cut_off_and_put_back(shop: Shop) -> None:
    """As `python -m tests.thousand` has it with a thousand."""
    in_waves(shop, APPS)
    cut_off_and_finished(shop, APPS)
    one_sick_app(shop, APPS)
