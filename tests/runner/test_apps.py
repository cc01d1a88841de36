"""The driver of a run: opened when it is first needed, and once."""

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
    """A project without images, whose apps a driver deploys."""
    return Project(root, Settings(deploy=DeploySettings(driver)), ())


def test_all_that_ask_for_the_driver_share_it(tmp_path: Path) -> None:
    """One client, and one set of connections, for all steps of a run."""
    environ = {"FLY_API_TOKEN": "FlyV1 fm2_abc"}

    with open_driver(project(tmp_path, DriverName.FLY), environ) as driver:
        assert driver() is driver()


def test_a_run_that_needs_no_driver_opens_none(tmp_path: Path) -> None:
    """An engine that is not there matters to nobody until somebody asks it."""
    environ = {"DOCKER_HOST": "tcp://127.0.0.1:1"}

    with (
        open_driver(project(tmp_path, DriverName.DOCKER), environ) as driver,
        pytest.raises(PipelineError),
    ):
        driver()
