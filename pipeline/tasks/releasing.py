"""`status`, `releases` and `rollback`: what apps run, ran, and shall run again."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import FaultError, usage_error
from pipeline.tasks.command import (
    ALLOW,
    JSON,
    PROFILE,
    changes,
    console,
    load_apps,
    looks,
    stoppable,
    write_json,
)
from pipeline.tasks.deploying import chosen_apps, not_asked, unasked_images
from pipeline.tasks.faults import tell_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from pipeline.core.status import AppStatus
    from pipeline.tasks.command import Words

UNKNOWN, NOT_CURRENT = 4, 5


@task(
    help={
        "only": "only these images or apps, commas between them, `*` allowed",
        "exit_code": "end with 5 when an app is not current",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def status(
    _c: Context,
    only: str = "",
    *,
    exit_code: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Say what each app runs, and what it should: current, outdated, unhealthy, missing."""
    from pipeline.console import apps, as_json  # noqa: PLC0415 - loaded late
    from pipeline.shell.status import status as ask  # noqa: PLC0415

    project = load_apps(profile, allow, look=True)
    names, unasked = chosen_apps(project, only), unasked_images(project, only)
    found = ask(project, names, os.environ, unasked)
    if json:
        write_json(as_json.status_json(found))
    else:
        apps.print_status(found)
    return _status_code(found, exit_code=exit_code)


@task(
    help={
        "app": "the app, or an image that has one alone",
        "limit": "at most so many, the newest first",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def releases(
    _c: Context,
    app: str,
    *,
    limit: int = 25,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """List an app's releases: version, status, when, image."""
    from pipeline.console import apps, as_json  # noqa: PLC0415 - loaded late
    from pipeline.shell.releases import releases as ask  # noqa: PLC0415

    if limit < 1:
        raise usage_error(f"`--limit {limit}` lists nothing", hint="write 1 or more")
    project = load_apps(profile, allow, look=True)
    names = chosen_apps(project, app)
    if unasked := unasked_images(project, app):
        raise not_asked(unasked, "which app is meant")
    if len(names) != 1:
        raise usage_error(f"`{app}` is {len(names)} apps, and one is wanted")
    found = ask(project, names[0], os.environ)[:limit]
    if json:
        write_json(as_json.releases_json(names[0], found))
    else:
        apps.print_releases(found)
    return 0


@task(
    help={
        "apps": "images or apps, commas between them, `*` allowed",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="releases")
def rollback(
    _c: Context, apps: str, *, json: bool = False, allow: Words = None, profile: str = ""
) -> int:
    """Put back image and configuration of the release before."""
    from pipeline.console import apps as texts  # noqa: PLC0415 - loaded late
    from pipeline.console import as_json  # noqa: PLC0415
    from pipeline.console.errors import show_failures  # noqa: PLC0415
    from pipeline.core.report import DeployStatus  # noqa: PLC0415
    from pipeline.shell.releases import roll_back  # noqa: PLC0415

    project = load_apps(profile, allow)
    names = chosen_apps(project, apps)
    with console() as report, stoppable() as stop:
        done = roll_back(project, names, os.environ, report, stop)
    if json:
        write_json(as_json.rollback_json(done.deploys))
    else:
        texts.print_rollback(done.deploys)
    # What a deploy would call a failure is what was asked for here.
    bad = tuple(d for d in done.deploys if d.status is not DeployStatus.ROLLED_BACK)
    rest = replace(done, deploys=bad)
    show_failures(rest, sys.stderr)
    if isinstance(done.error, FaultError):
        tell_fault(done.error.cause)
    return rest.exit_code


def _status_code(found: Sequence[AppStatus], *, exit_code: bool) -> int:
    from pipeline.core.status import AppState  # noqa: PLC0415 - loaded late

    states = {status.state for status in found if status.app}
    if AppState.UNKNOWN in states:
        return UNKNOWN
    if not exit_code:
        return 0
    if states - {AppState.CURRENT}:
        return NOT_CURRENT
    return 0 if all(status.app for status in found) else UNKNOWN
