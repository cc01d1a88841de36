"""One image for thirty apps: waves, a killed run that is resumed, a failure and its rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fly_project import FlyProject, open_fly_project
from tests.thousand.scenes import deploy_in_waves, fail_in_the_first_wave, kill_and_resume

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
    deploy_in_waves(fly_project, APPS)
    kill_and_resume(fly_project, APPS)
    fail_in_the_first_wave(fly_project, APPS)
