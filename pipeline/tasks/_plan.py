"""Print what `build-all` and `deploy-all` would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._load import check_look, load_with, with_known_apps
from ._show_plan import UNKNOWN, find_plan, is_unknown, show_plan

if TYPE_CHECKING:
    from ..model.plan import Plan
    from ..model.project import Project
    from ._options import PlanOptions


NOTHING_TO_DO, SOMETHING_TO_DO = 0, 5


def run(options: PlanOptions, *, only_builds: bool, exit_code: bool) -> int:
    """Print the plan; return 4 if a part of it is unknown, 5 with `exit_code` if there is work."""
    project = load_with(options)
    what = _builds(project, options) if only_builds else _all(project, options)
    show_plan(what, json=options.json)
    if is_unknown(what):
        return UNKNOWN
    if not exit_code:
        return NOTHING_TO_DO
    return SOMETHING_TO_DO if not what.empty else UNKNOWN if what.unlisted else NOTHING_TO_DO


def _builds(project: Project, options: PlanOptions) -> Plan:
    check_look(project.settings)
    return find_plan(project, project.names, options)


def _all(project: Project, options: PlanOptions) -> Plan:
    project, unlisted = with_known_apps(project)
    return find_plan(project, project.names, options, apps=project.apps, unlisted=unlisted)
