"""Roll apps back to the release before: for the task `rollback`, and for `deploy-all --rollback`.

Apps that come last by `after` go first. An interrupted `deploy-all` rolls nothing back: what it
deployed is healthy, and the next run continues from there.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from ..deploy.protocol import RollbackDriver
from ..errors import UnknownError, as_pipeline_error, usage_error
from ..model.events import AppChanged
from ..model.report import DeployResult, DeployStatus, Failure, Report
from ..model.waves import deploy_order
from ..process.cleanup import sweep
from .apps import apps_of, open_driver

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..deploy.protocol import Driver
    from ..errors import PipelineError
    from ..model.actions import AppAction
    from ..model.apps import App, Release, Running
    from ..model.events import Reporter
    from ..model.plan import Plan
    from ..model.project import Project
    from .tools import Tools

    Ended = tuple[DeployResult, UnknownError | None]
    """How an app ended, and the error if that could not be found out."""

AnyApp = TypeVar("AnyApp", "App", "AppAction")
R = TypeVar("R")

CHANGED = frozenset({DeployStatus.DEPLOYED, DeployStatus.FAILED})


def with_releases(driver: Driver) -> RollbackDriver:
    """Return the driver as one that knows releases. Raises `ConfigError` if it does not."""
    if isinstance(driver, RollbackDriver):
        return driver
    raise usage_error(
        "this driver keeps no releases, so it cannot roll back",
        hint='choose another in `[deploy] driver = "…"`, or a profile that does',
    )


def releases(project: Project, name: str, environ: Mapping[str, str]) -> Sequence[Release]:
    """List an app's releases, the newest first.

    Raises `ConfigError` if the driver keeps none, `UnknownError` if it cannot be asked.
    """
    app = next(app for app in apps_of(project) if app.name == name)
    with open_driver(project, environ) as driver:
        return with_releases(driver()).releases(app)


def roll_back(
    project: Project,
    names: Collection[str],
    environ: Mapping[str, str],
    report: Reporter,
    stop: threading.Event,
    to: str = "",
) -> Report:
    """Roll apps back to the release before: each is `rolled-back` or `failed`, with its reason.

    `to` is the number of the release to go back to instead, for one app. Apps that are left when
    `stop` is set are `blocked`. Raises `ConfigError` if the driver keeps no releases.
    """
    if to and len(names) != 1:
        message = f"`--to` is for one app, as each has releases of its own; these are {len(names)}"
        raise usage_error(message, hint="name one app")
    started = time.monotonic()
    sweep(environ)
    with open_driver(project, environ, stop) as driver:
        ends = roll_back_with(with_releases(driver()), project, names, report, stop, to)
    error = next((error for _, error in ends if error), None)
    return Report(
        images=(),
        deploys=tuple(result for result, _ in ends),
        seconds=time.monotonic() - started,
        interrupted=stop.is_set(),
        trouble=error.message if error else "",
        hint=error.hint if error else "",
        error=error,
    )


def roll_back_with(
    driver: RollbackDriver,
    project: Project,
    names: Collection[str],
    report: Reporter,
    stop: threading.Event,
    to: str = "",
) -> Sequence[Ended]:
    """Roll apps back with a driver that is open; return how each ended, in the order of the work.

    The driver leaves a note beside each app, so that the next run does not deploy again what
    somebody rolled back from.
    """

    def roll_back_one(app: App) -> Ended:
        if stop.is_set():
            why = "interrupted before it was rolled back"
            result = DeployResult(app.name, app.image, DeployStatus.BLOCKED, why)
            return _reported(result, report), None
        ended, seconds = _attempt(driver, app, report, hold=True, to=to)
        if isinstance(ended, Exception):
            failure = _failure(ended)
            status, why = DeployStatus.FAILED, ended.message
            result = DeployResult(app.name, app.image, status, why, failure=failure)
            return _reported(result, report), ended if isinstance(ended, UnknownError) else None
        restored = ended.stamp.restored if ended.stamp else to
        what = f"release {restored}" if restored else "the previous release"
        status, why = DeployStatus.ROLLED_BACK, f"rolled back to {what}"
        result = DeployResult(app.name, app.image, status, why, ended.release, ended.url, seconds)
        return _reported(result, report), None

    chosen = frozenset(names)
    apps = [app for app in apps_of(project) if app.name in chosen]
    return _last_first(project, apps, roll_back_one)


def roll_back_run(plan: Plan, driver: Driver, apps: Mapping[str, App], tools: Tools) -> None:
    """Roll back every app that this run changed, if one of them failed; record how each ended.

    Nothing is done if the user stopped the run. An app that failed and still runs what it ran
    before is left alone, and so is one that ran nothing before.
    """
    results = tools.results.apps
    failed = (app for app, r in results.items() if r.status is DeployStatus.FAILED)
    fault = next(failed, "")
    if not fault or tools.stop.is_set():
        return

    def roll_back_one(action: AppAction) -> None:
        result, app = results[action.app], apps[action.app]
        own = result.status is DeployStatus.FAILED
        if own and _runs_as_before(driver, app, action.now):
            return
        if tools.stop.is_set() or action.now is None:
            why = "it was interrupted before it was rolled back"
            if not tools.stop.is_set():
                why = "nothing ran before this run"
            if not own:
                tools.end_app(replace(result, reason=f"`{fault}` failed, and {why}"))
            return
        ended, seconds = _attempt(driver, app, tools.report)
        result = replace(result, seconds=result.seconds + seconds)
        if isinstance(ended, Exception):
            first = result.reason if own else f"`{fault}` failed"
            why = f"{first}; it could not be rolled back: {ended.message}"
            failure = replace(result.failure or _failure(ended), message=why)
            failed = replace(result, status=DeployStatus.FAILED, reason=why, failure=failure)
            tools.end_app(replace(failed, release="", url=""))
            return
        why = f"rolled back, because `{fault}` failed"
        if own:
            why = f"{result.reason}; it was rolled back"
        done = replace(result, status=DeployStatus.ROLLED_BACK, reason=why)
        tools.end_app(replace(done, release=ended.release, url=ended.url))

    changed = [a for a in plan.deploys if a.app in results and results[a.app].status in CHANGED]
    _last_first(plan.project, changed[::-1], roll_back_one)


def _last_first(project: Project, apps: Sequence[AnyApp], one: Callable[[AnyApp], R]) -> list[R]:
    """Call `one` for each app, those that come last by `after` first, `max_parallel` at once."""
    ends: list[R] = []
    for group in reversed(deploy_order(project)):
        due = [app for app in apps if app.image in group]
        with ThreadPoolExecutor(project.settings.deploy.max_parallel) as pool:
            ends += pool.map(one, due)
    return ends


def _attempt(
    driver: Driver, app: App, report: Reporter, *, hold: bool = False, to: str = ""
) -> tuple[Running | PipelineError, float]:
    """Roll one app back; return what it runs then, or the error, and the seconds that it took."""
    started = time.monotonic()
    report(AppChanged(app.name, "rolling back"))
    ended: Running | PipelineError
    try:
        ended = with_releases(driver).rollback(app, report, hold=hold, to=to)
    except Exception as raised:  # noqa: BLE001 - one app's end must not hide the others'
        ended = as_pipeline_error(raised)
    return ended, time.monotonic() - started


def _failure(error: PipelineError) -> Failure:
    return getattr(error, "failure", None) or Failure("rollback", error.message)


def _reported(result: DeployResult, report: Reporter) -> DeployResult:
    report(AppChanged(result.app, result.status.value, result.reason, result.seconds))
    return result


def _runs_as_before(driver: Driver, app: App, before: Running | None) -> bool:
    """Return whether an app whose deploy failed runs what it ran before, as a driver promises.

    If that cannot be found out, the app is rolled back: a rollback that fails is reported.
    """
    try:
        now = driver.running([app]).get(app.name)
    except Exception:  # noqa: BLE001 - what is not known is rolled back
        return False
    if now is None or before is None:
        return now is before
    # A release of the same image may have another configuration.
    mine, theirs = (now.digest, now.release), (before.digest, before.release)
    return mine == theirs and now.healthy == before.healthy
