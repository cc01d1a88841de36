"""Find the Fly apps that a project needs, and create those that are missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError, usage_error
from ..fly.create_app import (
    NAME_TAKEN,
    await_repository,
    create_app,
    generated_name,
    named_org,
    only_org,
)
from ..fly.errors import FlyError
from ..fly.queries import app_of, apps_of_org
from ..model.events import Notice
from ..model.fly_apps import FlyAppStatus, fly_apps, unlisted
from ..project.apps import images_without_app, with_app_names
from ..registry.auth.fly_login import fly_registry
from .open_registry import open_registry

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

    from ..fly.api import FlyApi
    from ..model.events import Reporter
    from ..model.fly_apps import FlyApp
    from ..model.project import Project
    from ..registry.client import Registry

AT_ONCE = 16
REGISTRY_WAIT = 60.0
"""Seconds until the registry should know a new app."""

_WRONG = frozenset({400, 409, 422})
"""Statuses that say that a request cannot be granted; others say nothing about the app."""

_OTHER_NAME = (
    "names are shared by all of Fly: choose another in `[registry] repository` or as `app`, or "
    "leave `app` out and run `invoke apps --generate-name`; a token of one app sees no others, "
    "`fly tokens create org` makes one that does"
)


class _Fly(Struct, frozen=True):
    """The clients, the organization and the stop event for creating apps."""

    api: FlyApi
    registry: Registry
    org: str
    report: Reporter
    stop: threading.Event


def with_generated_names(project: Project, api: FlyApi) -> Project:
    """Return the project with a generated name for each app without one; none exists at Fly yet.

    Raises `FlyError` if that cannot be found out.
    """

    def free() -> Iterator[str]:
        while True:
            name = generated_name()
            if app_of(api, name) is None:
                yield name

    wanted = images_without_app(project)
    return with_app_names(project, dict(zip((i.name for i in wanted), free(), strict=False)))


def find_apps(project: Project, environ: Mapping[str, str], api: FlyApi) -> tuple[FlyApp, ...]:
    """Find out which apps that the project needs exist; nothing is created.

    One request lists the organization's apps. An app that is not listed is asked for by itself, as
    a token of one app lists no other. Raises `ConfigError` if the project needs no app at Fly,
    `UnknownError` if nothing at all can be found out.
    """
    needed = fly_apps(project, fly_registry(environ))
    if not (needed or unlisted(project)):
        raise usage_error(
            "this project does not use Fly: it is pushed and deployed elsewhere",
            hint='set `host = "registry.fly.io"` under `[registry]`, or choose another `--profile`',
        )
    listed = _listed(api, _named_org(project, environ))
    found = tuple(_in_rounds(partial(_look, api, listed), needed))
    if found and all(app.unknown for app in found):
        raise UnknownError(found[0].reason, hint=found[0].hint)
    return found


def create_missing(
    project: Project,
    found: Sequence[FlyApp],
    environ: Mapping[str, str],
    api: FlyApi,
    report: Reporter,
    stop: threading.Event,
) -> tuple[FlyApp, ...]:
    """Create those of `found` that are missing, and wait until the registry knows them.

    An app that cannot be created stops no other. Raises `ConfigError` if no organization is named
    and the token reaches more than one, or none.
    """
    if not any(app.status is FlyAppStatus.MISSING for app in found):
        return tuple(found)
    org = _org(project, environ, api)
    with open_registry(project.settings, environ, report) as registry:
        fly = _Fly(api, registry, org, report, stop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return tuple(pool.map(partial(_ensured, fly), found))


def _named_org(project: Project, environ: Mapping[str, str]) -> str:
    return project.settings.org or named_org(environ)


def _org(project: Project, environ: Mapping[str, str], api: FlyApi) -> str:
    org = _named_org(project, environ) or only_org(api)
    if not org:
        raise usage_error(
            "no organization is set, and the token reaches none or several",
            hint='write `org = "…"` under `[fly]` in pipeline.toml, or set FLY_ORG; '
            "`fly orgs list` names them",
        )
    return org


def _listed(api: FlyApi, org: str) -> frozenset[str]:
    try:
        return frozenset(apps_of_org(api, org)) if org else frozenset()
    except FlyError as error:
        # A token of one app may not list: that says nothing about the apps (facts of Fly's).
        if error.status in {401, 403, 404}:
            return frozenset()
        raise


def _in_rounds(look: partial[FlyApp], needed: Sequence[FlyApp]) -> Iterator[FlyApp]:
    """Ask for sixteen at once; stop after a round in which nothing could be found out."""
    left = iter(needed)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(islice(left, AT_ONCE)):
            found = list(pool.map(look, some))
            yield from found
            if all(app.unknown for app in found):
                lost = found[0]
                yield from (replace(lost, name=a.name, images=a.images) for a in left)


def _look(api: FlyApi, listed: frozenset[str], app: FlyApp) -> FlyApp:
    if app.name in listed:
        return replace(app, status=FlyAppStatus.EXISTS)
    try:
        there = app_of(api, app.name)
    except FlyError as error:
        return _elsewhere(app) if error.status == 403 else _failed(app, error)
    status = FlyAppStatus.MISSING if there is None else FlyAppStatus.EXISTS
    return replace(app, status=status)


def _ensured(fly: _Fly, app: FlyApp) -> FlyApp:
    if app.status is not FlyAppStatus.MISSING:
        return app
    if fly.stop.is_set():
        return replace(app, reason="interrupted before it was created")
    created = _created(fly, app)
    return _awaited(fly, created) if created.status is FlyAppStatus.CREATED else created


def _created(fly: _Fly, app: FlyApp) -> FlyApp:
    try:
        create_app(fly.api, app.name, fly.org)
    except FlyError as error:
        return _after(fly, app, error)
    return _as_created(fly, app)


def _after(fly: _Fly, app: FlyApp, error: FlyError) -> FlyApp:
    """Find out the result of a creation that was refused, or whose answer was lost."""
    taken = error.code == NAME_TAKEN
    with suppress(FlyError):
        if app_of(fly.api, app.name) is not None:
            return replace(app, status=FlyAppStatus.EXISTS) if taken else _as_created(fly, app)
    return _elsewhere(app) if taken else _failed(app, error)


def _as_created(fly: _Fly, app: FlyApp) -> FlyApp:
    why = f"in the organization `{fly.org}`"
    return replace(app, status=FlyAppStatus.CREATED, reason=why)


def _awaited(fly: _Fly, app: FlyApp) -> FlyApp:
    fly.report(Notice(f"the app `{app.name}` is created"))
    if app.repository is None:
        return app
    trouble = await_repository(fly.registry, app.repository, fly.stop, seconds=REGISTRY_WAIT)
    if not trouble:
        return app
    hint = "it may take Fly a moment more: run `invoke apps` again before a push"
    return replace(app, reason=f"created, and {trouble}", hint=hint, unknown=True)


def _elsewhere(app: FlyApp) -> FlyApp:
    why = (
        f"the name `{app.name}` is taken: by an app of another organization, or one that this "
        "token does not reach"
    )
    return replace(app, status=FlyAppStatus.FAILED, reason=why, hint=_OTHER_NAME)


def _failed(app: FlyApp, error: FlyError) -> FlyApp:
    unknown = error.status not in _WRONG
    status = FlyAppStatus.FAILED
    return replace(app, status=status, reason=error.message, hint=error.hint, unknown=unknown)
