"""Keep images from being pruned by Fly, list what is kept, or release it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import as_json, fly
from ..errors import WorkError, usage_error
from ..fly.api import FlyApi
from ..runner.keep import KeepClients, keep, keepable, list_kept, registry_host, release_kept
from ..runner.open_registry import open_registry
from ._choose import choose_from
from ._load import load_apps
from ._say import console, print_error, say_unlisted, write_json
from ._signals import INTERRUPTED, stoppable

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from ..model.events import Reporter
    from ..model.keep import Kept
    from ..model.project import Project
    from ._command import Words

NOT_KEPT, UNKNOWN = 1, 4
WHAT = "base image, app image or app"


def run(  # noqa: PLR0913 - each an option of the command line
    only: str,
    *,
    list_: bool,
    release: str,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Do what the options say, print the rows, and return the exit code."""
    if sum(map(bool, (only, list_, release))) > 1:
        raise usage_error("`--only`, `--list` and `--release` exclude each other")
    project = load_apps(profile, allow, arg, look=list_)
    with console() as report, stoppable() as stop:
        if list_:
            rows = _listed(project, report, stop)
        elif release:
            rows = _let_go(project, release, report, stop)
        else:
            rows = _keep(project, only or "*", report, stop)
        interrupted = stop.is_set()
    _show(rows, json=json)
    if interrupted:
        return INTERRUPTED
    return _code(rows) or say_unlisted(project)


def _keep(project: Project, words: str, report: Reporter, stop: threading.Event) -> Sequence[Kept]:
    host = registry_host(project, os.environ)
    names = choose_from(keepable(project, os.environ), words, what=WHAT)
    with (
        FlyApi(os.environ, report=report, stop=stop) as api,
        open_registry(project.settings, os.environ, report) as registry,
    ):
        return keep(project, names, KeepClients(api, stop, registry, host))


def _listed(project: Project, report: Reporter, stop: threading.Event) -> Sequence[Kept]:
    with FlyApi(os.environ, report=report, stop=stop) as api:
        return list_kept(project, os.environ, api)


def _let_go(
    project: Project, words: str, report: Reporter, stop: threading.Event
) -> Sequence[Kept]:
    with FlyApi(os.environ, report=report, stop=stop) as api:
        found = list_kept(project, os.environ, api)
        every = [one.slot.name for one in found]
        names = every if words == "all" else choose_from(every, words, what="kept image or app")
        return release_kept(found, names, api)


def _show(rows: Sequence[Kept], *, json: bool) -> None:
    """Print the result to stdout, and each error once to stderr."""
    if json:
        write_json(as_json.keep_json(rows))
    else:
        fly.print_kept(rows)
    for one in {(r.reason, r.hint): r for r in rows if r.is_lost}.values():
        print_error(WorkError(f"`{one.slot.name}`: {one.reason}", hint=one.hint))


def _code(rows: Sequence[Kept]) -> int:
    if any(row.is_lost and not row.unknown for row in rows):
        return NOT_KEPT
    return UNKNOWN if any(row.unknown for row in rows) else 0
