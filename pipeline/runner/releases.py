"""Releases of apps: list them, and go back to the one before."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..errors import UnknownError, as_told
from ..model.events import AppChanged
from ..model.plan import deploy_order
from ..model.report import DeployResult, DeployStatus, Failure, Report
from ..process.cleanup import sweep
from .apps import apps_of, driver_for, rewinding

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Mapping, Sequence

    from ..deploy.protocol import RewindingDriver
    from ..model.apps import App, Release
    from ..model.events import Reporter
    from ..model.project import Project
    from .deploy_work import Ended


def releases(project: Project, name: str, environ: Mapping[str, str]) -> Sequence[Release]:
    """What is known of an app's releases, the newest first.

    Raises `ConfigError` where the driver keeps none, `UnknownError` where it cannot be asked.
    """
    app = next(app for app in apps_of(project) if app.name == name)
    with driver_for(project, environ) as driver:
        return rewinding(driver).releases(app)


def roll_back(
    project: Project,
    names: Collection[str],
    environ: Mapping[str, str],
    report: Reporter,
    stop: threading.Event,
) -> Report:
    """Put back the release before of each app: `rolled-back` or `failed`, each with its reason.

    Those that come last by `after` go first, `max_parallel` at once. What is left when `stop` is
    set is `blocked`. Raises `ConfigError` where the driver keeps no releases.
    """
    started = time.monotonic()
    sweep(environ)
    with driver_for(project, environ, stop) as driver:
        ends = put_back(rewinding(driver), project, names, report, stop)
    trouble = next((error for _, error in ends if error), None)
    return Report(
        images=(),
        deploys=tuple(result for result, _ in ends),
        seconds=time.monotonic() - started,
        interrupted=stop.is_set(),
        trouble=trouble.message if trouble else "",
        hint=trouble.hint if trouble else "",
        error=trouble,
    )


def put_back(
    driver: RewindingDriver,
    project: Project,
    names: Collection[str],
    report: Reporter,
    stop: threading.Event,
) -> tuple[Ended, ...]:
    """As `roll_back`, with a driver that is open: how each app ended, in the order of the work."""
    ends: list[Ended] = []
    asked_for = frozenset(names)
    chosen = [app for app in apps_of(project) if app.name in asked_for]
    for group in reversed(deploy_order(project)):
        apps = [app for app in chosen if app.image in group]
        with ThreadPoolExecutor(project.settings.deploy.max_parallel) as pool:
            ends += pool.map(lambda app: _roll_back(driver, app, report, stop), apps)
    return tuple(ends)


def _roll_back(driver: RewindingDriver, app: App, report: Reporter, stop: threading.Event) -> Ended:
    result, error = _tried(driver, app, report, stop)
    report(AppChanged(app.name, result.status.value, result.reason, result.seconds))
    return result, error


def _tried(driver: RewindingDriver, app: App, report: Reporter, stop: threading.Event) -> Ended:
    if stop.is_set():
        why = "interrupted before it was put back"
        return DeployResult(app.name, app.image, DeployStatus.BLOCKED, why), None
    started = time.monotonic()
    report(AppChanged(app.name, "rolling back"))
    try:
        now = driver.rollback(app, report, hold=True)
    except Exception as raised:  # noqa: BLE001 - one app's end must not hide the others'
        error = as_told(raised)
        failure = getattr(error, "failure", None) or Failure("rollback", error.message)
        ended = DeployResult(
            app.name, app.image, DeployStatus.FAILED, error.message, failure=failure
        )
        return ended, error if isinstance(error, UnknownError) else None
    seconds, why = time.monotonic() - started, "the release before is put back"
    status = DeployStatus.ROLLED_BACK
    return DeployResult(app.name, app.image, status, why, now.release, now.url, seconds), None
