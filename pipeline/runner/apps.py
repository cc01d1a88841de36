"""The apps of a project, and the driver that deploys them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..deploy.drivers import opener
from ..deploy.protocol import RewindingDriver
from ..errors import usage_error
from ..model.apps import App
from ..project.app_files import read_configuration
from .open_registry import shown_to_others

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..deploy.protocol import Driver
    from ..model.image import Image
    from ..model.project import Project


def apps_of(project: Project) -> tuple[App, ...]:
    """Every app of the project, in build order of the images."""
    return tuple(app for image in project for app in _apps(project, image))


def _apps(project: Project, image: Image) -> tuple[App, ...]:
    spec = image.deploy
    if spec is None:
        return ()
    root = project.root
    files = {name: spec.config_of(name) for name in spec.apps}
    configs = {name: root / file if file else None for name, file in files.items()}
    return tuple(App(n, image.name, configs[n], spec.strategy, root=root) for n in spec.apps)


def wanted_apps(project: Project, names: Collection[str]) -> tuple[App, ...]:
    """The apps of these names with their configurations, which are read from their files now.

    Raises `ConfigError` for one that cannot be deployed as it is.
    """
    chosen = frozenset(names)
    apps = tuple(app for app in apps_of(project) if app.name in chosen)
    read = cache(partial(read_configuration, project.root))
    return tuple(replace(a, configuration=read(a.config)) if a.config else a for a in apps)


def as_it_is_now(project: Project, app: App) -> App:
    """The app with the configuration that its file has by now: a run may have taken an hour."""
    if app.config is None:
        return app
    return replace(app, configuration=read_configuration(project.root, app.config))


@contextmanager
def driver_for(
    project: Project, environ: Mapping[str, str], stop: threading.Event | None = None
) -> Iterator[Driver]:
    """The driver that the settings name, opened; its connections are closed at the end."""
    name = project.settings.deploy.driver
    wish = stop or threading.Event()
    source = shown_to_others(project.settings, environ)
    with opener(name)(environ, source, wish, project.settings.org) as driver:
        yield driver


def rewinding(driver: Driver) -> RewindingDriver:
    """The driver as one that can go back. Raises `ConfigError` where it cannot."""
    if isinstance(driver, RewindingDriver):
        return driver
    raise usage_error(
        "this driver keeps no releases, and cannot go back to one",
        hint='choose another in `[deploy] driver = "…"`, or a profile that does',
    )
