"""Inspect, plan and run: the shared part of `build`, `build-all`, `deploy` and `deploy-all`."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ..errors import FaultError
from ..model.plan import plan as plan_of
from ..process.log_folder import log_folder
from ..runner.inspect import inspect
from ..runner.open_registry import open_registry
from ..runner.run import run
from ._command import is_dry
from ._faults import print_fault
from ._load import check_look
from ._say import console, write_json
from ._signals import stoppable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from invoke.context import Context

    from ..errors import UnknownError
    from ..model.project import Project
    from ..model.report import Report
    from ..reference import ImageName
    from ..runner.apps import OpenDriver
    from ._options import PlanOptions


def run_project(  # noqa: PLR0913 - each a choice of the user's, by keyword
    c: Context,
    project: Project,
    names: Collection[ImageName],
    options: PlanOptions,
    *,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
    unlisted: Mapping[ImageName, UnknownError] | None = None,
    rollback: bool = False,
    driver: OpenDriver | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Build the images in `names`, deploy `apps`, and return the exit code.

    `redeploy` are apps to deploy even if they are current. With `rollback`, all apps are deployed
    or none. In a dry run the plan is shown, and nothing is run; `unlisted` are images whose apps
    are not known then, and why.
    """
    if is_dry(c):
        from ._show_plan import UNKNOWN, find_plan, is_unknown, show_plan

        check_look(project.settings)
        what = find_plan(
            project, names, options, apps=apps, redeploy=redeploy, unlisted=unlisted, driver=driver
        )
        show_plan(what, json=options.json)
        return UNKNOWN if is_unknown(what) else 0
    stop = stop or threading.Event()
    with (
        console(json=options.json, plain=options.log == "plain") as report,
        open_registry(project.settings, os.environ, report) as registry,
    ):
        state = inspect(
            project,
            only=names,
            force=options.force,
            deep=options.deep,
            apps=apps,
            redeploy=redeploy,
            report=report,
            registry=registry,
            driver=driver,
        )
        # Until here an interruption ends the process at once; from here, builds end cleanly.
        with stoppable(stop):
            ended = run(
                plan_of(project, state),
                keep_going=options.keep_going,
                rollback=rollback,
                report=report,
                registry=registry,
                driver=driver,
                stop=stop,
                logs=log_folder(os.environ),
            )
    return finish(ended, json=options.json)


def finish(report: Report, *, json: bool) -> int:
    """Print the report if it is wanted as JSON; return its exit code."""
    if json:
        from ..console import as_json

        write_json(as_json.report_json(report))
    if isinstance(report.error, FaultError):
        print_fault(report.error.cause)
    return report.exit_code
