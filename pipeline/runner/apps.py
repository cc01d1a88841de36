"""The apps of a project, and the driver that deploys them."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from ..deploy.drivers import opener
from ..model.apps import App
from .open_registry import shown_to_others

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from ..deploy.protocol import Driver
    from ..model.configuration import Configuration
    from ..model.image import Image
    from ..model.project import Project

    OpenDriver: TypeAlias = Callable[[], Driver]
    """Return the driver of a run, which is opened at the first call."""


def apps_of(project: Project) -> tuple[App, ...]:
    """Return every app of the project, in build order of the images."""
    return tuple(app for image in project for app in _apps(project, image))


def _apps(project: Project, image: Image) -> tuple[App, ...]:
    spec = image.deploy
    if spec is None:
        return ()
    root = project.root
    files = {name: spec.config_of(name) for name in spec.apps}
    configs = {name: root / file if file else None for name, file in files.items()}
    return tuple(App(n, image.name, configs[n], spec.strategy, root=root) for n in spec.apps)


def configured_apps(project: Project, names: Collection[str]) -> tuple[App, ...]:
    """Return the apps of these names, and read their configurations from their files.

    Raises `ConfigError` for an app that cannot be deployed as its file says.
    """
    chosen = frozenset(names)
    apps = tuple(app for app in apps_of(project) if app.name in chosen)
    read = cache(partial(_read, project.root))
    return tuple(replace(a, configuration=read(a.config)) if a.config else a for a in apps)


def reread(project: Project, app: App) -> App:
    """Read an app's configuration again: since the plan was made, an hour may have passed."""
    if app.config is None:
        return app
    return replace(app, configuration=_read(project.root, app.config))


def _read(root: Path, file: Path) -> Configuration:
    from ..project.app_files import read_configuration  # noqa: PLC0415 - only for a deploy

    return read_configuration(root, file)


@contextmanager
def open_driver(
    project: Project, environ: Mapping[str, str], stop: threading.Event | None = None
) -> Iterator[OpenDriver]:
    """Yield a function that returns the project's driver, opened when it is first called.

    All steps of a run share it. Its connections are closed at the end.
    """
    name = project.settings.deploy.driver
    source = shown_to_others(project.settings, environ)
    with ExitStack() as stack:

        @cache
        def opened() -> Driver:
            driver = opener(name)(environ, source, stop or threading.Event(), project.settings.org)
            return stack.enter_context(driver)

        yield opened
