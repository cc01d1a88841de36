"""One image for thirty apps: waves, a killed run that is resumed, a failure and its rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly_project import FlyProject, open_fly_project
from tests.thousand.scenes import cut_off_and_finished, in_waves, one_sick_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
APPS = 30


@pytest.fixture
def fly_project(tmp_path: Path, engine: None) -> Iterator[FlyProject]:
    """Make an image for thirty apps."""
    del engine
    with open_fly_project(tmp_path) as opened:
        yield opened


def test_waves_resume_and_rollback_with_many_apps(fly_project: FlyProject) -> None:
    """Run the scenarios of `python -m tests.thousand` with thirty apps."""
    in_waves(fly_project, APPS)
    cut_off_and_finished(fly_project, APPS)
    one_sick_app(fly_project, APPS)
