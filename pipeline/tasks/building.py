"""`build-all`, `build` and `plan`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import FaultError
from pipeline.tasks.command import (
    ALLOW,
    JSON,
    PROFILE,
    STRICT,
    VERIFY,
    check_look,
    choose,
    console,
    is_deep,
    is_dry,
    load_apps,
    load_project,
    looks,
    plans,
    say,
    stoppable,
    warn,
    write_json,
)
from pipeline.tasks.faults import tell_fault

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from pipeline.core.events import Event
    from pipeline.core.model import Project
    from pipeline.core.plan import Plan
    from pipeline.core.reference import ImageName
    from pipeline.core.report import Report
    from pipeline.tasks.command import Words

KEEP_GOING = "after a failure, build what does not depend on it"
NOTHING_TO_DO, UNKNOWN, SOMETHING_TO_DO = 0, 4, 5


@task(
    name="build-all",
    help={
        "only": "only these images (commas between them, `*` allowed) and the bases they miss",
        "force": "build them though the registry has them",
        "keep_going": KEEP_GOING,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def build_all(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    only: str = "",
    *,
    force: bool = False,
    keep_going: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build and push every image that the registry lacks, bases first."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    names = _names(project, only) if only else project.names
    return build_images(c, project, names, force=force, keep_going=keep_going, deep=deep, json=json)


@task(
    help={
        "names": "images to build, commas between them, `*` allowed",
        "dependents": "also build what stands on them",
        "force": "build them though the registry has them",
        "keep_going": KEEP_GOING,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def build(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    names: str,
    *,
    dependents: bool = False,
    force: bool = False,
    keep_going: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build and push some images, and the bases that they miss."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    chosen: Collection[ImageName] = _names(project, names)
    if dependents:
        chosen = _with_dependents(project, chosen)
    return build_images(
        c, project, chosen, force=force, keep_going=keep_going, deep=deep, json=json
    )


@task(
    help={
        "exit_code": "end with 5 when there is something to do",
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def plan(
    _c: Context,
    *,
    exit_code: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Say what `build-all` and `deploy-all` would do, and why."""
    import pipeline  # noqa: PLC0415 - loaded late, so that `invoke --list` stays fast
    from pipeline.tasks.deploying import app_names  # noqa: PLC0415

    deep = is_deep(verify)
    project = load_apps(profile, allow, strict=strict, look=True)
    apps = app_names(project)
    state = pipeline.inspect(project, apps=apps, deep=deep, report=_tell)
    what = replace(pipeline.plan(project, state, apps=apps), unasked=project.unasked)
    _show(what, json=json)
    if not exit_code:
        return NOTHING_TO_DO
    return SOMETHING_TO_DO if not what.empty else UNKNOWN if what.unasked else NOTHING_TO_DO


def build_images(  # noqa: PLR0913 - each a choice of the user's, by keyword
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
    json: bool,
) -> int:
    """Inspect, plan, run; with `apps`, also deploy those, and with `rollback` all or none.

    Those in `redeploy` are deployed though they are current. In a dry run the plan is shown, and
    nothing is run; the apps of `unasked` are not known then.
    """
    import pipeline  # noqa: PLC0415 - loaded late, so that `invoke --list` stays fast
    from pipeline.shell.registry import open_registry  # noqa: PLC0415

    if is_dry(c):
        check_look(project.settings)
    with (
        console() as report,
        open_registry(project.settings, os.environ, report) as registry,
    ):
        state = pipeline.inspect(
            project,
            only=names,
            force=force,
            deep=deep,
            apps=apps,
            report=report,
            registry=registry,
        )
        what = pipeline.plan(project, state, only=names, force=force, apps=apps, redeploy=redeploy)
        ended = None
        if not is_dry(c):
            # Nothing was begun yet, and an interruption ended at once; a build is ended cleanly.
            with stoppable() as stop:
                ended = pipeline.run(
                    what,
                    keep_going=keep_going,
                    rollback=rollback,
                    report=report,
                    registry=registry,
                    stop=stop,
                )
    if ended is None:
        _show(replace(what, unasked=tuple(unasked)), json=json)
        return NOTHING_TO_DO
    return finish(ended, json=json)


def _show(what: Plan, *, json: bool) -> None:
    """A plan on stdout, and on stderr what tags may hide.

    Secrets that are not there, and what is not allowed, are no error here, so that a plan can be
    made where nobody has or trusts them.
    """
    from pipeline.console import as_json, show  # noqa: PLC0415 - loaded late
    from pipeline.console.errors import show_warnings  # noqa: PLC0415
    from pipeline.shell.permission import unmet  # noqa: PLC0415

    warn(what.project, what.warnings)
    missing = unmet(what, os.environ)
    show_warnings(missing, sys.stderr)
    what = replace(what, warnings=(*what.warnings, *missing))
    if json:
        write_json(as_json.plan_json(what))
    else:
        show.print_plan(what)


def _tell(event: Event, /) -> None:
    """Say what a look at the registry has to say; there is no run to draw."""
    from pipeline.core.events import Notice  # noqa: PLC0415 - loaded late

    if isinstance(event, Notice):
        say(f"note: {event.text}")


def _names(project: Project, words: str) -> tuple[ImageName, ...]:
    return choose(project, words)


def _with_dependents(project: Project, names: Collection[ImageName]) -> tuple[ImageName, ...]:
    from pipeline.core import graph  # noqa: PLC0415 - loaded late

    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, names)
    return tuple(name for name in project.names if name in reached)


def finish(report: Report, *, json: bool) -> int:
    """Print the report where it is wanted as data; its exit code is the answer."""
    from pipeline.console import as_json  # noqa: PLC0415 - loaded late

    if json:
        write_json(as_json.report_json(report))
    if isinstance(report.error, FaultError):
        tell_fault(report.error.cause)
    return report.exit_code
