"""The deploys of a run, with a driver in memory: order, what is told to a driver, rolling back."""

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
    """What a run works with; nothing here asks the registry."""
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
    """A run that deploys every app, one at a time."""
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
    """Deploy; how each app ended, and the error that the deploy raised."""
    error = None
    try:
        deploy_with(deployment)
    except UnknownError as raised:
        error = raised
    return deployment.tools.results.apps, error


def place(*apps: str) -> MemoryDriver:
    """A place where the apps run an old image."""
    return MemoryDriver({app: [Running(OLD, "1")] for app in apps})


def statuses(results: Mapping[str, DeployResult]) -> dict[str, str]:
    """The status of each app."""
    return {app: result.status.value for app, result in results.items()}


@pytest.mark.parametrize("built", [ImageStatus.BUILT, ImageStatus.EXISTS])
def test_a_driver_is_told_what_was_pushed_just_now(tools: Tools, built: ImageStatus) -> None:
    """An image of this run may not be seen by all yet; one that exists is."""
    driver = place("web-1")

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}, built=built))

    assert statuses(results) == {"web-1": "deployed"}
    assert driver.fresh == ({"web-1"} if built is ImageStatus.BUILT else set())


def test_all_that_changed_goes_back(tools: Tools) -> None:
    """The last app fails: those before it run what they ran, the last of them first."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.sick = {"web-2"}

    results, error = deployed(make_deployment(driver, tools))

    assert error is None
    assert statuses(results) == {
        "api-1": "rolled-back",
        "api-2": "rolled-back",
        "web-1": "rolled-back",
        "web-2": "failed",
    }
    assert {app: now[-1].digest for app, now in driver.now.items()} == dict.fromkeys(results, OLD)
    assert driver.asked[4:] == ["rollback web-1", "rollback api-2", "rollback api-1"]
    assert results["api-1"].reason == "rolled back, because `web-2` failed"
    assert results["web-2"].reason == "it answers 500"


def test_without_rollback_what_is_well_stays(tools: Tools) -> None:
    """A failure alone changes nothing of what was deployed."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.sick = {"web-2"}

    results, _ = deployed(make_deployment(driver, replace(tools, rollback=False)))

    assert set(statuses(results).values()) == {"deployed", "failed"}
    assert not [asked for asked in driver.asked if asked.startswith("rollback")]


def test_an_app_that_failed_half_way_goes_back_too(tools: Tools) -> None:
    """What it runs now is not what it ran: it is put back, and its failure is still told."""
    driver = place("web-1")
    driver.torn = {"web-1"}

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}))

    assert statuses(results) == {"web-1": "rolled-back"}
    assert results["web-1"].reason == "it answers 500; it was rolled back"
    assert results["web-1"].failure
    assert driver.now["web-1"] == [Running(OLD, "1")]


def test_another_configuration_of_the_same_image_goes_back_too(tools: Tools) -> None:
    """Its release says that not all is as it was: image and health alone would not."""
    driver = place("web-1")
    driver.sick = {"web-1"}
    driver.on_deploy = lambda app: driver.now[app].append(Running(OLD, "2"))

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1",)}))

    assert statuses(results) == {"web-1": "rolled-back"}
    assert driver.now["web-1"] == [Running(OLD, "1")]


def test_what_cannot_be_put_back_is_said_with_both_reasons(tools: Tools) -> None:
    """The others go back all the same."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.torn, driver.stuck = {"web-2"}, {"api-1", "web-2"}

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


def test_a_first_release_has_nothing_to_go_back_to(tools: Tools) -> None:
    """It stays, and the report says why."""
    driver = place("web-2")
    driver.sick = {"web-2"}

    results, _ = deployed(make_deployment(driver, tools, {"web": ("web-1", "web-2")}))

    assert statuses(results) == {"web-1": "deployed", "web-2": "failed"}
    assert "nothing ran before this run" in results["web-1"].reason


def test_an_interrupted_run_puts_nothing_back(tools: Tools) -> None:
    """The user stops the run while an app is being deployed, which then fails."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.sick = {"web-1"}
    driver.on_deploy = lambda app: tools.stop.set() if app == "web-1" else None

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "deployed",
        "api-2": "deployed",
        "web-1": "failed",
        "web-2": "blocked",
    }
    assert results["api-1"].reason == "it runs another image"


def test_what_is_not_yet_put_back_when_the_user_stops_is_said(tools: Tools) -> None:
    """It stays deployed, with the reason."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.sick = {"web-2"}
    driver.on_rollback = lambda _app: tools.stop.set()

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results) == {
        "api-1": "deployed",
        "api-2": "deployed",
        "web-1": "rolled-back",
        "web-2": "failed",
    }
    assert "interrupted before it was rolled back" in results["api-1"].reason


def test_nothing_more_is_begun_where_all_goes_back(tools: Tools) -> None:
    """Also with `keep_going`, which holds for builds."""
    images = {"api": ("api-1",), "db": ("db-1",), "web": ("web-1",)}
    driver = place("api-1", "db-1", "web-1")
    driver.sick = {"api-1"}
    tools = replace(tools, keep_going=True)

    results, _ = deployed(make_deployment(driver, tools, images, after={"web": "db"}))

    assert statuses(results) == {"api-1": "failed", "db-1": "rolled-back", "web-1": "blocked"}


def test_a_driver_without_releases_is_refused() -> None:
    """Wrong use, and it is said what to do."""
    with pytest.raises(ConfigError, match="keeps no releases"):
        with_releases(PlainDriver())


def test_many_apps_take_no_longer_than_they_must(tools: Tools) -> None:
    """Ten thousand, one of them sick: deployed, and put back."""
    apps = tuple(f"web-{n}" for n in range(10_000))
    driver = place(*apps)
    driver.sick = {apps[-1]}

    results, _ = deployed(make_deployment(driver, tools, {"web": apps}))

    assert list(statuses(results).values()) == ["rolled-back"] * 9_999 + ["failed"]


def test_a_driver_that_raises_what_nobody_expects(tools: Tools) -> None:
    """The app has failed, the others keep their ends, and those that this run changed go back."""
    driver = place("api-1", "api-2", "web-1", "web-2")

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


def test_a_rollback_that_raises_what_nobody_expects(tools: Tools) -> None:
    """The app that could not go back is told, and the others go back."""
    driver = place("api-1", "api-2", "web-1", "web-2")
    driver.sick = {"web-2"}

    def raises(app: str) -> None:
        if app == "api-2":
            raise ZeroDivisionError

    driver.on_rollback = raises

    results, _ = deployed(make_deployment(driver, tools))

    assert statuses(results)["api-2"] == "failed"
    assert statuses(results)["api-1"] == "rolled-back"
    assert "could not be rolled back: a bug in Fly Image Pipeline" in results["api-2"].reason
