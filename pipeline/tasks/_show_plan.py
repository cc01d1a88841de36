"""Make a plan that is only shown, and print it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..console import as_json, show
from ..console.errors import show_warnings
from ..model.apps import NOT_RUN
from ..model.events import Notice
from ..model.plan import plan as plan_of
from ..runner.inspect import look
from ..runner.preflight import unmet
from ._load import read_arguments
from ._say import say, warn, write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..errors import UnknownError
    from ..model.events import Event
    from ..model.plan import Plan
    from ..model.project import Project
    from ..reference import ImageName
    from ..runner.apps import OpenDriver
    from ._options import PlanOptions


UNKNOWN = 4
"""The exit code if a part of a plan could not be found out."""


def find_plan(  # noqa: PLR0913 - each a choice of the user's, by keyword
    project: Project,
    names: Collection[ImageName],
    options: PlanOptions,
    *,
    apps: Collection[str] = (),
    redeploy: Collection[str] = (),
    unlisted: Mapping[ImageName, UnknownError] | None = None,
    driver: OpenDriver | None = None,
) -> Plan:
    """Ask registry and driver, and return the plan; what cannot be found out is unknown in it.

    `unlisted` has the images whose apps are not known, and why.
    """
    state = look(
        project,
        only=names,
        force=options.force,
        deep=options.deep,
        apps=apps,
        redeploy=redeploy,
        report=say_notice,
        driver=driver,
    )
    found = replace(plan_of(project, state), unlisted=unlisted or {})
    if not found.to_build:
        return found
    from ..runner.causes import with_causes  # only where something is built

    return with_causes(found, read_arguments(options.arg), os.environ)


def is_unknown(plan: Plan) -> bool:
    """Return whether something could not be found out.

    A command that lists apps and was not run is no failure: the user may have wanted that.
    """
    unlisted = (error for error in plan.unlisted.values() if error.message != NOT_RUN)
    return bool(plan.unknown) or any(unlisted)


def say_notice(event: Event, /) -> None:
    """Print the notices of `look`; there is no run to show."""
    if isinstance(event, Notice):
        say(f"note: {event.text}")


def show_plan(plan: Plan, *, json: bool) -> None:
    """Print a plan to stdout, and its warnings to stderr.

    Missing secrets and missing permissions are only warnings here: a plan can be made by somebody
    who has neither.
    """
    warn(plan.project, plan.warnings)
    missing = unmet(plan, os.environ)
    show_warnings(missing, sys.stderr)
    plan = replace(plan, warnings=(*plan.warnings, *missing))
    if json:
        write_json(as_json.plan_json(plan))
    else:
        show.print_plan(plan)
