"""The driver of a run: created when first needed, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import PipelineError
from pipeline.model.project import Project
from pipeline.model.settings import DeploySettings, DriverName, Settings
from pipeline.runner.apps import open_driver

if TYPE_CHECKING:
    from pathlib import Path


def project(root: Path, driver: DriverName) -> Project:
    """Return a project without images for a driver."""
    return Project(root, Settings(deploy=DeploySettings(driver)), ())


def test_all_steps_share_the_driver(tmp_path: Path) -> None:
    """All steps of a run share one driver and its connections."""
    environ = {"FLY_API_TOKEN": "FlyV1 fm2_abc"}

    with open_driver(project(tmp_path, DriverName.FLY), environ) as driver:
        assert driver() is driver()


def test_a_run_without_deploys_creates_no_driver(tmp_path: Path) -> None:
    """A run that needs no driver creates none, so a missing engine does not matter."""
    environ = {"DOCKER_HOST": "tcp://127.0.0.1:1"}

    with (
        open_driver(project(tmp_path, DriverName.DOCKER), environ) as driver,
        pytest.raises(PipelineError),
    ):
        driver()
