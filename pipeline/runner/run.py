"""Do what a plan says: build and push, move aliases, deploy. Always ends in a true report."""

from __future__ import annotations

import os
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..deploy.protocol import CautiousDriver
from ..errors import UnknownError, as_told, raise_problems
from ..model.events import Finished, Planned, Warned, silent
from ..model.plan import DeployAction
from ..model.report import Report
from ..process.cleanup import sweep
from ..registry.auth.keychain import credentials
from .aliases import move_aliases
from .apps import driver_for, rewinding
from .attestation import published_logins
from .build import build_images
from .copies import copy_images
from .deploy import deploy_apps
from .hold import hold_aliases
from .open_registry import open_registry
from .permission import unmet
from .rescue import is_anything_done, rescue
from .tools import Listener, Tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..errors import PipelineError, Problem
    from ..model.events import Reporter
    from ..model.plan import Plan
    from ..model.report import DeployResult, ImageResult
    from ..registry.client import Registry


def run(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    plan: Plan,
    *,
    keep_going: bool = False,
    rollback: bool = False,
    report: Reporter = silent,
    registry: Registry | None = None,
    environ: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Copy and build what the plan says, move aliases, deploy apps; say how each of them ended.

    A failing image does not raise: it is in the report, as are those that it blocks; with
    `keep_going`, what does not depend on it is built all the same. `stop` may be set from a
    signal handler or another thread: builds are ended cleanly, and the report says so.

    With `rollback`, an app that fails makes every app that this run changed go back to what it ran
    before, the last first. An interrupted run puts nothing back: what is deployed by then is well.
    What nobody expected does not raise either once something is published or deployed: it is the
    report's `error`, as is the first that `report` raised, which stops no work.

    Raises `ConfigError`, before anything is done, where the driver keeps no releases, for what the
    user has not allowed, secrets that are not there and logins that would be pushed of images that
    are to be built, and for what the plan warns of where the settings are strict.
    """
    started = time.monotonic()
    environ = os.environ if environ is None else environ
    tell = Listener(report)
    _warn(plan, tell)
    raise_problems((*_unmet(plan, environ), *published_logins(plan, environ)))
    sweep(environ)
    _look_ahead(plan, environ, rollback=rollback)
    opened = (
        nullcontext(registry) if registry else open_registry(plan.project.settings, environ, tell)
    )
    tell(Planned(plan))
    with opened as client:
        before = client.requests
        wish = stop or threading.Event()
        known = client.showing(credentials(environ))
        tools = Tools(client, known, environ, tell, wish, keep_going, rollback)
        result = _run(plan, tools, started, before)
    tell(Finished(result))
    return _with(result, tell.error)


def _warn(plan: Plan, tell: Reporter) -> None:
    """Tell what tags may hide, or refuse it."""
    if plan.project.settings.strict:
        raise_problems(plan.warnings)
    for problem in plan.warnings:
        tell(Warned(problem))


def _unmet(plan: Plan, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    if not plan.to_build and not plan.to_copy:
        return ()
    return unmet(plan, environ)


def _look_ahead(plan: Plan, environ: Mapping[str, str], *, rollback: bool) -> None:
    """Find out before anything is built what would stop the deploys after it."""
    if not any(step.action is DeployAction.DEPLOY for step in plan.deploys):
        return
    with driver_for(plan.project, environ) as driver:
        if rollback:
            rewinding(driver)
        if isinstance(driver, CautiousDriver):
            driver.ready()


def _run(plan: Plan, tools: Tools, started: float, before: int) -> Report:
    trouble: PipelineError | None
    try:
        images, deploys, trouble = _done(plan, tools)
    except Exception as error:
        trouble = as_told(error)
        images, deploys = rescue(plan, tools, trouble)
        if not is_anything_done(images, deploys):
            raise
    return Report(
        images=images,
        deploys=deploys,
        requests=plan.requests + tools.registry.requests - before,
        seconds=plan.seconds + time.monotonic() - started,
        interrupted=tools.stop.is_set(),
        trouble=trouble.message if trouble else "",
        hint=trouble.hint if trouble else "",
        error=trouble,
    )


def _done(
    plan: Plan, tools: Tools
) -> tuple[tuple[ImageResult, ...], tuple[DeployResult, ...], UnknownError | None]:
    """Do all that the plan says: how images and apps ended, and what could not be found out."""
    plan, copied, trouble = copy_images(plan, tools)
    images, trouble = build_images(plan, tools, copied, trouble)
    try:
        moving = hold_aliases(plan, tools)
    except UnknownError as error:
        moving, trouble = plan, trouble or error
    images, trouble = move_aliases(moving, images, trouble, tools)
    tools.ends.images.update(images)
    deploys, trouble = deploy_apps(plan, images, trouble, tools)
    return tuple(images[action.name] for action in plan.images), deploys, trouble


def _with(report: Report, raised: Exception | None) -> Report:
    """The report with what the listener raised, where nothing worse is in it."""
    if raised is None or report.error:
        return report
    error = as_told(raised)
    return replace(report, trouble=error.message, hint=error.hint, error=error)
