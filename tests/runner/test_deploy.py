"""The deploys of a run with a driver in memory: order, arguments, rollback."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import ConfigError, FaultError, UnknownError
from pipeline.model.actions import Action, AppAction, DeployAction
from pipeline.model.apps import Running
from pipeline.model.events import silent
from pipeline.model.image import AppSpec
from pipeline.model.plan import Plan
from pipeline.model.report import ImageResult, ImageStatus
from pipeline.model.settings import DeploySettings, Settings
from pipeline.reference import ImageName
from pipeline.registry.auth.keychain import credentials
from pipeline.registry.client import Registry
from pipeline.runner.apps import apps_of
from pipeline.runner.deploy import Deployment, deploy_with
from pipeline.runner.rollback import with_releases
from pipeline.runner.tools import Results, Tools
from tests.console.values import make_action, make_image, make_project, make_reference
from tests.support.memory_driver import MemoryDriver, PlainDriver, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.model.report import DeployResult

OLD, NEW = digest(1), digest(2)
PAIR = {"api": ("api-1", "api-2"), "web": ("web-1", "web-2")}


@pytest.fixture
def tools() -> Iterator[Tools]:
    """Return the tools of a run; no test here queries the registry."""
    with Registry(credentials=credentials({})) as registry:
        yield Tools(registry, credentials({}), {}, silent, threading.Event(), rollback=True)


def make_deployment(
    driver: PlainDriver,
    tools: Tools,
    images: Mapping[str, tuple[str, ...]] = PAIR,
    *,
    built: ImageStatus = ImageStatus.BUILT,
    after: Mapping[str, str] = {"web": "api"},
) -> Deployment:
    """Return a run that deploys every app, one at a time."""
    names = [ImageName(name) for name in images]
    needs = {n: (ImageName(after[n]),) if after.get(n) in names else () for n in names}
    specs = [AppSpec(images[n], after=needs[n]) for n in names]
    made = [replace(make_image(name), deploy=spec) for name, spec in zip(names, specs, strict=True)]
    project = replace(make_project(*made), settings=Settings(deploy=DeploySettings(max_parallel=1)))
    apps = {app.name: app for app in apps_of(project)}
    running = driver.running(list(apps.values()))
    steps = [
        AppAction(a.name, a.image, DeployAction.DEPLOY, "it runs another image", running[a.name])
        for a in apps.values()
    ]
    actions = [make_action(image, Action.EXISTS) for image in made]
    ends = {n: ImageResult(n, built, make_reference(n), "", NEW) for n in names}
    plan = Plan(project, tuple(actions), tuple(steps))
    return Deployment(plan, driver, replace(tools, results=Results(ends)), apps)


def deployed(deployment: Deployment) -> tuple[Mapping[str, DeployResult], UnknownError | None]:
    """Deploy; return the result of each app, and the error that was raised."""
    error = None
    try:
        deploy_with(deployment)
    except UnknownError as raised:
        error = raised
    return deployment.tools.results.apps, error


def driver_of(*apps: str) -> MemoryDriver:
    """Return a driver whose apps run an old image."""
    return MemoryDriver({app: [Running(OLD, "1")] for app in apps})


def statuses(results: Mapping[str, DeployResult]) -> dict[str, str]:
    """Return the status of each app."""
    return {app: result.status.value for app, result in results.items()}


@pytest.mark.parametrize("built", [ImageStatus.BUILT, ImageStatus.EXISTS])
def test_a_driver_is_told_what_was_pushed_just_now(tools: Tools, built: ImageStatus) -> None:
    """The driver is told which images were just pushed, and may not be visible yet."""
    driver = driver_of("web-1")

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}, built=built))

    assert statuses(results) == {"web-1": "deployed"}
    assert driver.fresh == ({"web-1"} if built is ImageStatus.BUILT else set())


def test_all_changed_apps_are_rolled_back(tools: Tools) -> None:
    """If the last app fails, the others are rolled back in reverse order."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.failing = {"web-2"}

    results, error = deployed(make_deployment(driver, tools))

    assert error is None
    assert statuses(results) == {
        "api-1": "rolled-back",
        "api-2": "rolled-back",
        "web-1": "rolled-back",
        "web-2": "failed",
    }
    assert {app: now[-1].digest for app, now in driver.now.items()} == dict.fromkeys(results, OLD)
    assert driver.calls[4:] == ["rollback web-1", "rollback api-2", "rollback api-1"]
    assert results["api-1"].reason == "rolled back, because `web-2` failed"
    assert results["web-2"].reason == "it answers 500"


def test_without_rollback_healthy_apps_stay(tools: Tools) -> None:
    """Without `--rollback` a failure leaves the other apps deployed."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.failing = {"web-2"}

    results, _ = deployed(make_deployment(driver, replace(tools, rollback=False)))

    assert set(statuses(results).values()) == {"deployed", "failed"}
    assert not [asked for asked in driver.calls if asked.startswith("rollback")]


def test_an_app_that_failed_half_way_is_rolled_back(tools: Tools) -> None:
    """An app that failed half-way is rolled back, and still reported as failed."""
    driver = driver_of("web-1")
    driver.half_deployed = {"web-1"}

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}))

    assert statuses(results) == {"web-1": "rolled-back"}
    assert results["web-1"].reason == "it answers 500; it was rolled back"
    assert results["web-1"].failure
    assert driver.now["web-1"] == [Running(OLD, "1")]


def test_another_configuration_is_rolled_back(tools: Tools) -> None:
    """An app with a new configuration of the same image is rolled back, too."""
    driver = driver_of("web-1")
    driver.failing = {"web-1"}
    driver.on_deploy = lambda app: driver.now[app].append(Running(OLD, "2"))

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}))

    assert statuses(results) == {"web-1": "rolled-back"}
    assert driver.now["web-1"] == [Running(OLD, "1")]


def test_a_failed_rollback_has_both_reasons(tools: Tools) -> None:
    """If a rollback fails, both reasons are reported, and the others are rolled back."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.half_deployed, driver.not_restorable = {"web-2"}, {"api-1", "web-2"}

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "failed",
        "api-2": "rolled-back",
        "web-1": "rolled-back",
        "web-2": "failed",
    }
    why = "`web-2` failed; it could not be rolled back: its image was pruned"
    assert results["api-1"].reason == why
    assert "it answers 500; it could not be rolled back" in results["web-2"].reason


def test_a_first_release_cannot_be_rolled_back(tools: Tools) -> None:
    """A first release cannot be rolled back: it stays, and the report says why."""
    driver = driver_of("web-2")
    driver.failing = {"web-2"}

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1", "web-2")}))

    assert statuses(results) == {"web-1": "deployed", "web-2": "failed"}
    assert "nothing ran before this run" in results["web-1"].reason


def test_an_interrupted_run_rolls_nothing_back(tools: Tools) -> None:
    """An interrupted run rolls nothing back."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.failing = {"web-1"}
    driver.on_deploy = lambda app: tools.stop.set() if app == "web-1" else None

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "deployed",
        "api-2": "deployed",
        "web-1": "failed",
        "web-2": "blocked",
    }
    assert results["api-1"].reason == "it ran another image"


def test_an_interrupted_rollback_is_reported(tools: Tools) -> None:
    """Apps not yet rolled back when the user stops are reported with the reason."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.failing = {"web-2"}
    driver.on_rollback = lambda _app: tools.stop.set()

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "deployed",
        "api-2": "deployed",
        "web-1": "rolled-back",
        "web-2": "failed",
    }
    assert "interrupted before it was rolled back" in results["api-1"].reason


def test_no_app_is_started_during_a_rollback(tools: Tools) -> None:
    """With `--rollback` no further app is started after a failure, also with `--keep-going`."""
    images = {"api": ("api-1",), "db": ("db-1",), "web": ("web-1",)}
    driver = driver_of("api-1", "db-1", "web-1")
    driver.failing = {"api-1"}
    tools = replace(tools, keep_going=True)

    results, _ = deployed(make_deployment(driver, tools, images, after={"web": "db"}))

    assert statuses(results) == {"api-1": "failed", "db-1": "rolled-back", "web-1": "blocked"}


def test_a_driver_without_releases_is_refused() -> None:
    """A driver without releases is refused with exit code 2 and a hint."""
    with pytest.raises(ConfigError, match="keeps no releases"):
        with_releases(PlainDriver())


def test_many_apps(tools: Tools) -> None:
    """Ten thousand apps with one failure are deployed and rolled back in linear time."""
    apps = tuple(f"web-{n}" for n in range(10_000))
    driver = driver_of(*apps)
    driver.failing = {apps[-1]}

    results, _ = deployed(make_deployment(driver, tools, {"web": apps}))

    assert list(statuses(results).values()) == ["rolled-back"] * 9_999 + ["failed"]


def test_a_bug_in_the_driver(tools: Tools) -> None:
    """After a bug in the driver its app has failed, and changed apps are rolled back."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")

    def raises(app: str) -> None:
        if app == "web-1":
            raise ZeroDivisionError("a secret may be in here")

    driver.on_deploy = raises

    results, error = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "rolled-back",
        "api-2": "rolled-back",
        "web-1": "failed",
        "web-2": "rolled-back",
    }
    assert isinstance(error, FaultError)
    assert isinstance(error.cause, ZeroDivisionError)
    assert results["web-1"].reason == "a bug in Fly Image Pipeline ended this: `ZeroDivisionError`"


def test_a_bug_in_a_rollback(tools: Tools) -> None:
    """After a bug in a rollback the app is reported, and the others are rolled back."""
    driver = driver_of("api-1", "api-2", "web-1", "web-2")
    driver.failing = {"web-2"}

    def raises(app: str) -> None:
        if app == "api-2":
            raise ZeroDivisionError

    driver.on_rollback = raises

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results)["api-2"] == "failed"
    assert statuses(results)["api-1"] == "rolled-back"
    assert "could not be rolled back: a bug in Fly Image Pipeline" in results["api-2"].reason
