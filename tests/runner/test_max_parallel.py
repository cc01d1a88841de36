"""`[deploy] max_parallel`: at most that many apps at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.model.actions import Action, AppAction, DeployAction
from pipeline.model.apps import Running
from pipeline.model.events import silent
from pipeline.model.image import AppSpec
from pipeline.model.plan import Plan
from pipeline.model.report import DeployStatus, ImageResult, ImageStatus
from pipeline.model.settings import DeploySettings, Settings
from pipeline.reference import ImageName
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.client import Registry
from pipeline.runner.apps import apps_of
from pipeline.runner.deploy import Deployment, deploy_with
from pipeline.runner.tools import Tools
from tests.console.values import make_action, make_image, make_project, make_reference
from tests.support.memory_driver import PlainDriver, digest

if TYPE_CHECKING:
    from pipeline.model.apps import App
    from pipeline.model.events import Reporter
    from pipeline.reference import Reference

WEB = ImageName("web")
APPS = tuple(f"web-{number}" for number in range(7))


@dataclass
class Counting(PlainDriver):
    """A driver that takes its time for each app; `most` is the maximum of simultaneous deploys."""

    at_once: int = 1
    under_way: int = 0
    most: int = 0
    count: threading.Condition = field(default_factory=threading.Condition)

    def deploy(
        self, app: App, image: Reference, report: Reporter, /, *, fresh: bool = False
    ) -> Running:
        """Wait."""
        del app, image, report, fresh
        with self.count:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.count.notify_all()
            # No deploy ends before the limit is reached.
            self.count.wait_for(lambda: self.most >= self.at_once, timeout=60)
        time.sleep(0.05)  # One too many would start now.
        with self.count:
            self.under_way -= 1
        return Running(digest(1))


def make_plan(at_once: int) -> Plan:
    """Return a plan that deploys all apps of one image."""
    image = replace(make_image("web"), deploy=AppSpec(APPS))
    settings = Settings(deploy=DeploySettings(max_parallel=at_once))
    project = replace(make_project(image), settings=settings)
    steps = tuple(AppAction(app, WEB, DeployAction.DEPLOY, "nothing runs yet") for app in APPS)
    return Plan(project, (make_action(image, Action.EXISTS),), steps)


@pytest.mark.parametrize("at_once", [1, 3])
def test_at_most_that_many_at_once(at_once: int) -> None:
    """All apps are deployed; the limit is reached, and not exceeded."""
    driver, plan = Counting(at_once=at_once), make_plan(at_once)
    reference = make_reference("web").at(digest(1))
    image = ImageResult(WEB, ImageStatus.EXISTS, reference, "", digest(1))
    with Registry(credentials=credentials({})) as registry:
        tools = Tools(registry, credentials({}), {}, silent, threading.Event())
        apps = {app.name: app for app in apps_of(plan.project)}
        tools.results.images[WEB] = image
        deploy_with(Deployment(plan, driver, tools, apps))

    assert {r.status for r in tools.results.apps.values()} == {DeployStatus.DEPLOYED}
    assert (len(tools.results.apps), driver.most) == (len(APPS), at_once)
