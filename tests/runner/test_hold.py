"""A newer commit is deployed while a run builds, or between two of its deploys."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.model.apps import Running
from pipeline.model.events import silent
from pipeline.model.settings import DeploySettings, Settings
from pipeline.model.stamp import Revision, Stamp
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.client import Registry
from pipeline.runner.deploy import hold_aliases, without_overtaken
from pipeline.runner.tools import Tools
from tests.console.values import make_reference
from tests.runner.test_deploy import OLD, deployed, driver_of, make_deployment, statuses
from tests.support.memory_driver import MemoryDriver, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.runner.deploy import Deployment

HEAD = Revision("a" * 40)
NEWER = Running(
    digest(9), "9", stamp=Stamp("0" * 64, digest(9), "9", Revision("b" * 40, ("a" * 12,)))
)


@pytest.fixture
def tools() -> Iterator[Tools]:
    """Return the tools of a run; no test here queries the registry."""
    with Registry(credentials=credentials({})) as registry:
        yield Tools(registry, credentials({}), {}, silent, threading.Event())


def run_with_newer_deploy(
    tools: Tools, *, backwards: bool = False
) -> tuple[MemoryDriver, Deployment]:
    """Return a run of `api-1` and `web-1`; a newer run deploys `web-1` during `api-1`."""
    driver = driver_of("api-1", "web-1")
    driver.on_deploy = lambda app: driver.now["web-1"].append(NEWER) if app == "api-1" else None
    deployment = make_deployment(driver, tools, {"api": ("api-1",), "web": ("web-1",)})
    settings = Settings(deploy=DeploySettings(max_parallel=1, backwards=backwards))
    project = replace(deployment.plan.project, settings=settings)
    plan = replace(deployment.plan, project=project, revision=HEAD)
    apps = {n: replace(a, revision=HEAD, backwards=backwards) for n, a in deployment.apps.items()}
    return driver, replace(deployment, plan=plan, apps=apps)


def test_a_newer_run_deployed_meanwhile(tools: Tools) -> None:
    """Each app is queried again right before its deploy."""
    driver, deployment = run_with_newer_deploy(tools)

    results, error = deployed(deployment)

    assert error is None
    assert statuses(results) == {"api-1": "deployed", "web-1": "held"}
    assert results["web-1"].reason == "commit bbbbbbb runs, which is newer"
    assert results["web-1"].release == "9"
    assert driver.now["web-1"] == [Running(OLD, "1"), NEWER]


def test_an_alias_stays_on_what_a_newer_run_deployed_meanwhile(tools: Tools) -> None:
    """The alias of a held app stays, others move; without aliases no app is queried."""
    driver, deployment = run_with_newer_deploy(tools)
    actions = (replace(a, move=(make_reference(a.name),)) for a in deployment.plan.images)
    plan = replace(deployment.plan, images=tuple(actions))
    driver.now["web-1"].append(NEWER)

    found = without_overtaken(plan, driver)

    assert {str(a.name): len(a.move) for a in found.images} == {"api": 1, "web": 0}
    assert hold_aliases(deployment.plan, tools, lambda: driver) is deployment.plan


def test_backwards_deploys_it(tools: Tools) -> None:
    """With `backwards` it is deployed."""
    driver, deployment = run_with_newer_deploy(tools, backwards=True)

    assert statuses(deployed(deployment)[0]) == {"api-1": "deployed", "web-1": "deployed"}
    assert len(driver.now["web-1"]) == 3
