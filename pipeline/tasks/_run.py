"""Inspect, plan, run: what `build`, `build-all`, `deploy` and `deploy-all` have in common."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import FaultError
from ._command import is_dry
from ._faults import tell_fault
from ._load import check_look
from ._say import console, warn, write_json
from ._signals import stoppable

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from ..model.plan import Plan
    from ..model.project import Project
    from ..model.report import Report
    from ..reference import ImageName
    from ..runner.apps import OpenDriver


KEEP_GOING = "after a failure, build what does not depend on it"


def run_project(  # noqa: PLR0913 - each a choice of the user's, by keyword
    c: Context,
    project: Project,
    names: Collection[ImageName],
    *,
    force: bool,
    keep_going: bool,
    deep: bool = False,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
    unasked: Collection[ImageName] = (),
    rollback: bool = False,
    driver: OpenDriver | None = None,
    stop: threading.Event | None = None,
    json: bool,
) -> int:
    """Inspect, plan, run; with `apps`, also deploy those, and with `rollback` all or none.

    Those in `redeploy` are deployed though they are current. In a dry run the plan is shown, and
    nothing is run; the apps of `unasked` are not known then.
    """
    from ..model.plan import plan as plan_of  # noqa: PLC0415 - loaded late
    from ..runner.inspect import inspect  # noqa: PLC0415
    from ..runner.open_registry import open_registry  # noqa: PLC0415
    from ..runner.run import run  # noqa: PLC0415

    stop = stop or threading.Event()
    if is_dry(c):
        check_look(project.settings)
    with (
        console() as report,
        open_registry(project.settings, os.environ, report) as registry,
    ):
        state = inspect(
            project,
            only=names,
            force=force,
            deep=deep,
            apps=apps,
            redeploy=redeploy,
            report=report,
            registry=registry,
            driver=driver,
        )
        what = plan_of(project, state)
        ended = None
        if not is_dry(c):
            # Nothing was begun yet, and an interruption ended at once; a build is ended cleanly.
            with stoppable(stop):
                ended = run(
                    what,
                    keep_going=keep_going,
                    rollback=rollback,
                    report=report,
                    registry=registry,
                    driver=driver,
                    stop=stop,
                )
    if ended is None:
        show_plan(replace(what, unasked=tuple(unasked)), json=json)
        return 0
    return finish(ended, json=json)


def show_plan(what: Plan, *, json: bool) -> None:
    """A plan on stdout, and on stderr what tags may hide.

    Secrets that are not there, and what is not allowed, are no error here, so that a plan can be
    made where nobody has or trusts them.
    """
    from ..console import as_json, show  # noqa: PLC0415 - loaded late
    from ..console.errors import show_warnings  # noqa: PLC0415
    from ..runner.preflight import unmet  # noqa: PLC0415

    warn(what.project, what.warnings)
    missing = unmet(what, os.environ)
    show_warnings(missing, sys.stderr)
    what = replace(what, warnings=(*what.warnings, *missing))
    if json:
        write_json(as_json.plan_json(what))
    else:
        show.print_plan(what)


def finish(report: Report, *, json: bool) -> int:
    """Print the report where it is wanted as data; its exit code is the answer."""
    from ..console import as_json  # noqa: PLC0415 - loaded late

    if json:
        write_json(as_json.report_json(report))
    if isinstance(report.error, FaultError):
        tell_fault(report.error.cause)
    return report.exit_code
