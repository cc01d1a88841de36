"""Carry out a plan: copy, build and push images, move aliases, deploy. It ends in a true report."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import PipelineError, UnknownError, as_pipeline_error
from ..model.actions import Action
from ..model.events import Finished, Planned, silent
from ..model.presence import Present
from ..model.report import DeployStatus, ImageStatus, Report
from ..process.cleanup import sweep
from ..registry.auth.keychain import credentials
from .apps import open_driver
from .open_registry import open_registry
from .stopwatch import Stopwatch
from .tools import Listener, Tools

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..model.events import Reporter
    from ..model.plan import Plan
    from ..reference import ImageName
    from ..registry.client import Registry
    from .apps import OpenDriver
    from .logs import RunLogs

_DONE = {Action.BUILD: ImageStatus.BUILT, Action.COPY: ImageStatus.COPIED}
_CHANGED = {*_DONE.values(), ImageStatus.FAILED, DeployStatus.DEPLOYED, DeployStatus.FAILED}
"""Statuses of a run that has done, or begun, something that must not be forgotten."""


def run(  # noqa: PLR0913 - each a choice of the caller's, by keyword
    plan: Plan,
    *,
    keep_going: bool = False,
    rollback: bool = False,
    report: Reporter = silent,
    registry: Registry | None = None,
    driver: OpenDriver | None = None,
    environ: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
    logs: Path | None = None,
) -> Report:
    """Copy and build images, move aliases, deploy apps; return how each of them ended.

    A failing image does not raise: it is in the report, and so are the images that it blocks; with
    `keep_going`, everything that does not depend on it is still built. `stop` may be set from a
    signal handler or another thread: builds are ended cleanly, and the report says so.

    With `rollback`, an app that fails makes every app that this run changed go back to what it ran
    before, the last first. An interrupted run rolls nothing back: what is deployed by then is
    healthy. An unexpected error does not raise either once something is published or deployed: it
    is the report's `error`, and so is the first error that `report` raised, which stops no work.

    With `logs`, the whole log of each image that is worked on is kept below that folder, in a
    folder of this run; those of the newest runs stay (`process.log_folder`).

    Raises `UnknownError` for a plan with unknown actions: what may exist is never built. Raises
    `ConfigError` before anything is done: if the driver keeps no releases; for what the user
    has not allowed, missing secrets, and logins that would be published with images that are to be
    built; and for the plan's warnings if the settings are strict.
    """
    started = time.monotonic()
    environ = os.environ if environ is None else environ
    stop = stop or threading.Event()
    for error in plan.unknown:
        raise error
    idle = plan.empty and not plan.deploys
    stopwatch, kept = Stopwatch(), None if idle or logs is None else _open_logs(logs)
    observers = [stopwatch.take, kept.take] if kept else [stopwatch.take]
    listener = Listener(report, *observers)
    if plan.warnings or not idle:
        from .preflight import check_before  # noqa: PLC0415 - most runs have nothing to check

        check_before(plan, environ, listener)
    sweep(environ)
    with ExitStack() as stack:
        if driver is None:
            driver = stack.enter_context(open_driver(plan.project, environ, stop))
        if not idle:
            from .preflight import check_driver  # noqa: PLC0415 - most runs deploy nothing

            check_driver(plan, driver, rollback=rollback)
        if registry is None:
            opened = open_registry(plan.project.settings, environ, listener)
            registry = stack.enter_context(opened)
        listener(Planned(plan))
        before = registry.requests
        known = registry.showing(credentials(environ))
        tools = Tools(
            registry,
            known,
            environ,
            listener,
            stop,
            keep_going,
            rollback,
            stopwatch=stopwatch,
            log_of=kept.file_of if kept else _no_log,
        )
        result = _run(plan, tools, driver)
        result = replace(
            result,
            requests=plan.requests + registry.requests - before,
            seconds=plan.seconds + time.monotonic() - started,
            logs=str(kept.folder or "") if kept else "",
        )
    if kept:
        kept.close()
    listener(Finished(result))
    return _with_error(result, listener.error)


def _open_logs(folder: Path) -> RunLogs:
    from .logs import RunLogs  # noqa: PLC0415 - most runs have nothing to log

    return RunLogs(folder)


def _no_log(_image: ImageName) -> str:
    return ""


def _run(plan: Plan, tools: Tools, driver: OpenDriver) -> Report:
    """Do all steps of the plan. Whatever a step raises, the results so far are in the report."""
    error: PipelineError | None = None
    try:
        if plan.empty and not plan.deploys:
            for action in plan.images:
                tools.end_image(action, ImageStatus.EXISTS, action.reason, action.digest)
        else:
            # What could not be copied is built: from here on, that is the plan.
            plan = _copy(plan, tools)
            _do_rest(plan, tools, driver)
    except Exception as raised:
        error = as_pipeline_error(raised)
        if not isinstance(raised, PipelineError):
            _find_published(plan, tools)
        if not isinstance(raised, UnknownError) and not _is_anything_done(tools):
            raise
        _end_rest(plan, tools, error)
    names = dict.fromkeys((*(action.name for action in plan.images), *tools.results.images))
    return Report(
        images=tuple(tools.results.images[name] for name in names),
        deploys=tuple(tools.results.apps[action.app] for action in plan.deploys),
        interrupted=tools.stop.is_set(),
        trouble=error.message if error else "",
        hint=error.hint if error else "",
        error=error,
    )


def _copy(plan: Plan, tools: Tools) -> Plan:
    from .copies import copy_images  # noqa: PLC0415 - see `_do_rest`

    return copy_images(plan, tools)


def _do_rest(plan: Plan, tools: Tools, driver: OpenDriver) -> None:
    """Do the steps after the copies, one after the other."""
    # BuildKit, the engine's client and the deploys are half of all that is imported. Where nothing
    # is to do, which is most runs, none of it is needed.
    from .aliases import move_aliases  # noqa: PLC0415
    from .build import build_images  # noqa: PLC0415
    from .deploy import deploy_apps, hold_aliases  # noqa: PLC0415
    from .reuse import replan  # noqa: PLC0415

    build_images(plan, tools)
    plan = replan(plan, tools)
    move_aliases(hold_aliases(plan, tools, driver), tools)
    deploy_apps(plan, tools, driver)


def _find_published(plan: Plan, tools: Tools) -> None:
    """Look for images that were published before an unexpected error, and not recorded yet.

    A forced image is not looked for: its tag may have existed before.
    """
    done = tools.results.images
    rest = [a for a in plan.images if a.name not in done and a.action in _DONE and not a.forced]
    try:
        found = tools.registry.head_all([action.reference for action in rest])
    except Exception:  # noqa: BLE001 - the first error is the one to report
        return
    for action in rest:
        answer = found[action.reference]
        if isinstance(answer, Present):
            status = _DONE[action.action]
            tools.end_image(action, status, "it was published by then", answer.digest)


def _is_anything_done(tools: Tools) -> bool:
    images = (one.status for one in tools.results.images.values())
    apps = (one.status for one in tools.results.apps.values())
    return not _CHANGED.isdisjoint((*images, *apps))


def _end_rest(plan: Plan, tools: Tools, error: PipelineError) -> None:
    """Record that all that has not ended was not tried, or not finished, because of `error`."""
    from .deploy import blocked  # noqa: PLC0415 - only after an error

    why = f"not tried, or not to its end: {error.message}"
    if tools.stop.is_set():
        why = "interrupted before it was done"
    for action in plan.images:
        if action.name in tools.results.images:
            continue
        if action.action is Action.EXISTS:
            tools.end_image(action, ImageStatus.EXISTS, action.reason, action.digest)
        else:
            tools.end_image(action, ImageStatus.BLOCKED, why)
    for app in plan.deploys:
        if app.app not in tools.results.apps:
            tools.end_app(blocked(app, f"not tried: {error.message}"))


def _with_error(report: Report, raised: Exception | None) -> Report:
    """Return the report with what the reporter raised, unless it has an error already."""
    if raised is None or report.error:
        return report
    error = as_pipeline_error(raised)
    return replace(report, trouble=error.message, hint=error.hint, error=error)
