"""Print what `build-all` and `deploy-all` would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model.events import Notice
from ..model.plan import plan as plan_of
from ..runner.inspect import inspect
from ._load import load_with, with_apps
from ._say import say
from ._show_plan import show_plan

if TYPE_CHECKING:
    from ..model.events import Event
    from ._options import PlanOptions


NOTHING_TO_DO, UNKNOWN, SOMETHING_TO_DO = 0, 4, 5


def run(options: PlanOptions, *, exit_code: bool) -> int:
    """Print the plan; with `exit_code`, return 5 if there is something to do."""
    project = with_apps(load_with(options), look=True)
    apps = project.apps
    state = inspect(project, apps=apps, deep=options.deep, report=say_notice)
    what = replace(plan_of(project, state), unlisted=project.unlisted)
    show_plan(what, json=options.json)
    if not exit_code:
        return NOTHING_TO_DO
    return SOMETHING_TO_DO if not what.empty else UNKNOWN if what.unlisted else NOTHING_TO_DO


def say_notice(event: Event, /) -> None:
    """Print the notices of `inspect`; there is no run to show."""
    if isinstance(event, Notice):
        say(f"note: {event.text}")
