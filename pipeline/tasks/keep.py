"""`keep`: images tied to machines that never start, so that Fly does not prune them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ..errors import WorkError, usage_error
from ._choose import choose_from
from ._command import changes
from ._load import load_apps
from ._options import ALLOW, JSON, PROFILE
from ._say import console, tell, tell_unasked, write_json
from ._signals import INTERRUPTED, stoppable

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from invoke.context import Context

    from ..model.events import Reporter
    from ..model.keep import Kept
    from ..model.project import Project
    from ._command import Words

NOT_KEPT, UNKNOWN = 1, 4
WHAT = "base image, app image or app"


@task(
    help={
        "only": "only these base images, app images or apps, commas between them, `*` allowed",
        "list_": "change nothing: list what is kept, in which app, since when",
        "release": "let go of these images or apps (`all` for all): Fly may prune them from then",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="keep --list", unless="list_")
def keep(
    _c: Context,
    only: str = "",
    *,
    list_: bool = False,
    release: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Keep base images, and what `rollback` needs, from being pruned by Fly.

    Each is tied to a machine of its app that never starts: the current image of every base, and the
    image of every app's release before. `fly deploy` leaves these machines alone. One costs the
    storage of its root file system ($0.15 per GB and month), and no more.
    """
    if sum(map(bool, (only, list_, release))) > 1:
        raise usage_error("`--only`, `--list` and `--release` are three things to do; choose one")
    project = load_apps(profile, allow, look=list_)
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
    return _code(rows) or tell_unasked(project)


def _keep(project: Project, words: str, report: Reporter, stop: threading.Event) -> Sequence[Kept]:
    from ..runner.create_apps import fly_api  # noqa: PLC0415 - loaded late
    from ..runner.keep import KeepClients, keep, keepable, registry_host  # noqa: PLC0415
    from ..runner.open_registry import open_registry  # noqa: PLC0415

    host = registry_host(project, os.environ)
    names = choose_from(keepable(project, os.environ), words, what=WHAT)
    with (
        fly_api(os.environ, report, stop) as api,
        open_registry(project.settings, os.environ, report) as registry,
    ):
        return keep(project, names, KeepClients(api, stop, registry, host))


def _listed(project: Project, report: Reporter, stop: threading.Event) -> Sequence[Kept]:
    from ..runner.create_apps import fly_api  # noqa: PLC0415 - loaded late
    from ..runner.keep import list_kept  # noqa: PLC0415

    with fly_api(os.environ, report, stop) as api:
        return list_kept(project, os.environ, api)


def _let_go(
    project: Project, words: str, report: Reporter, stop: threading.Event
) -> Sequence[Kept]:
    from ..runner.create_apps import fly_api  # noqa: PLC0415 - loaded late
    from ..runner.keep import list_kept, release_kept  # noqa: PLC0415

    with fly_api(os.environ, report, stop) as api:
        found = list_kept(project, os.environ, api)
        every = [one.slot.name for one in found]
        names = every if words == "all" else choose_from(every, words, what="kept image or app")
        return release_kept(found, names, api)


def _show(rows: Sequence[Kept], *, json: bool) -> None:
    """The result on stdout; on stderr what went wrong, each trouble once."""
    from ..console import as_json, fly  # noqa: PLC0415 - loaded late

    if json:
        write_json(as_json.keep_json(rows))
    else:
        fly.print_kept(rows)
    for one in {(r.reason, r.hint): r for r in rows if r.is_lost}.values():
        tell(WorkError(f"`{one.slot.name}`: {one.reason}", hint=one.hint))


def _code(rows: Sequence[Kept]) -> int:
    if any(row.is_lost and not row.unknown for row in rows):
        return NOT_KEPT
    return UNKNOWN if any(row.unknown for row in rows) else 0
