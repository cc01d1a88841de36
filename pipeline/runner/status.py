"""Find out the status of apps. Nothing is built and nothing is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..deploy.protocol import OwningDriver
from ..errors import PipelineError, UnknownError
from ..fingerprints.fingerprint import fingerprint
from ..model.apps import MissingAppsError
from ..model.project import reference_of
from ..model.status import Orphan, ProjectStatus, judge, not_asked
from ..process.git import revision_of
from .apps import apps_of, configured_apps, open_driver
from .open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..deploy.protocol import Driver
    from ..model.apps import App, Running
    from ..model.project import Project
    from ..reference import ImageName

AT_ONCE = 16
"""Apps that are asked for at the same time, one by one, if asking for all together failed."""


def status(
    project: Project,
    apps: Collection[str],
    environ: Mapping[str, str],
    unlisted: Collection[ImageName] = (),
) -> ProjectStatus:
    """Return the status of `apps`, in build order of their images; then a row for each `unlisted`.

    That takes one request per image and, without errors, one per app at most. An image or app that
    cannot be found out is `unknown`, and stops no other. Orphans are found where the names of all
    apps of the project are known. Raises `UnknownError` if the driver cannot be reached at all.
    """
    chosen = configured_apps(project, apps)
    images = tuple(dict.fromkeys((*(app.image for app in chosen), *unlisted)))
    inputs = fingerprint(project, only=images)
    wanted = {name: reference_of(project, name, inputs[name].fingerprint) for name in images}
    running, orphans = _running(project, chosen, environ)
    with open_registry(project.settings, environ) as client:
        client.pushes_to(r.repository for n, r in wanted.items() if not project.image(n).public)
        client.reads_public(r.repository for n, r in wanted.items() if project.image(n).public)
        found = client.head_all(list(wanted.values()))
    asked = _with_revision(project, chosen, running, environ)
    rows = (judge(a, wanted[a.image], found[wanted[a.image]], running[a.name]) for a in asked)
    more = (not_asked(name, wanted[name], found[wanted[name]]) for name in unlisted)
    return ProjectStatus((*rows, *more), orphans)


def _with_revision(
    project: Project,
    apps: Sequence[App],
    running: Mapping[str, Running | PipelineError | None],
    environ: Mapping[str, str],
) -> Sequence[App]:
    """Return apps with the commit of the project's files, if it may hold any of them."""
    stamps = (getattr(running[app.name], "stamp", None) for app in apps)
    if not any(stamp and stamp.revision for stamp in stamps):
        return apps
    revision, backwards = revision_of(project.root, environ), project.settings.deploy.backwards
    return [replace(app, revision=revision, backwards=backwards) for app in apps]


def _running(
    project: Project, apps: Sequence[App], environ: Mapping[str, str]
) -> tuple[Mapping[str, Running | PipelineError | None], tuple[Orphan, ...]]:
    if not apps:
        return {}, ()
    with open_driver(project, environ) as driver:
        return ask(driver(), apps), orphans_of(project, driver())


def orphans_of(project: Project, driver: Driver) -> tuple[Orphan, ...]:
    """Return the apps that the project deployed and no longer has; none if it cannot be told."""
    if not isinstance(driver, OwningDriver) or project.unlisted:
        return ()
    known = {app.name for app in apps_of(project)}
    try:
        deployed = driver.deployed_from(project.root)
    except UnknownError:  # what its apps run could not be found out either, and their rows say so
        return ()
    return tuple(Orphan(app, now) for app, now in sorted(deployed.items()) if app not in known)


def ask(driver: Driver, apps: Sequence[App]) -> Mapping[str, Running | PipelineError | None]:
    """Return what each app runs, or the error for it. A missing app has an error, too.

    If a whole round of apps gets no answer, the others are not asked for.
    """
    try:
        return driver.running(apps)
    except MissingAppsError as error:
        return {**error.running, **dict.fromkeys(error.apps, error)}
    except UnknownError as error:
        return {app.name: error for app in apps} | dict(_one_by_one(driver, apps))


def _one_by_one(
    driver: Driver, apps: Sequence[App]
) -> Iterator[tuple[str, Running | PipelineError | None]]:
    left = iter(apps)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(islice(left, AT_ONCE)):
            answers = list(pool.map(lambda app: _one(driver, app), some))
            yield from zip((app.name for app in some), answers, strict=True)
            if all(isinstance(answer, UnknownError) for answer in answers):
                return


def _one(driver: Driver, app: App) -> Running | PipelineError | None:
    try:
        return driver.running([app]).get(app.name)
    except (UnknownError, MissingAppsError) as error:
        return error
