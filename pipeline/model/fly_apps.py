"""The Fly apps that a project needs: those it deploys to, and those whose repositories it uses.

At Fly, each repository of the registry belongs to an app, and does not exist before the app.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from .settings import DriverName, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reference import ImageName, Repository
    from .image import Image
    from .project import Project

SPREAD = 60.0
"""Seconds that an image may take from its push to where Fly finds it (flyctl #4595)."""


class FlyAppStatus(StrEnum):
    """Whether an app exists at Fly, and what was done about it."""

    EXISTS = "exists"
    CREATED = "created"
    MISSING = "missing"
    FAILED = "failed"


class FlyApp(Struct, frozen=True):
    """An app that images need at Fly, and its status there.

    `repository` is where images are pushed to, `None` for an app that only runs them. `unknown`
    means that a failure says nothing about the app: a refused token, no answer.
    """

    name: str
    images: tuple[ImageName, ...]
    repository: Repository | None = None
    status: FlyAppStatus = FlyAppStatus.MISSING
    reason: str = ""
    hint: str = ""
    unknown: bool = False

    @property
    def failed(self) -> bool:
        """Whether the app could not be created, for a reason that concerns the app itself."""
        return self.status is FlyAppStatus.FAILED and not self.unknown

    @property
    def created(self) -> bool:
        """Whether the app was created."""
        return self.status is FlyAppStatus.CREATED

    @property
    def missing(self) -> bool:
        """Whether the app does not exist, and was not to be created."""
        return self.status is FlyAppStatus.MISSING


def fly_apps(project: Project, registry: str) -> tuple[FlyApp, ...]:
    """Return the apps that a project needs, each once, in build order. `registry` is Fly's host.

    >>> [app.name for app in fly_apps(project, "registry.fly.io")]  # doctest: +SKIP
    ['acme-os-base', 'acme-web', 'acme-web-eu']
    """
    images: dict[str, dict[ImageName, None]] = {}
    repositories: dict[str, Repository] = {}
    for image in project:
        repository = fly_repository(project, image, registry)
        if repository:
            repositories.setdefault(app_of_repository(repository), repository)
        for name in _names(project, image, repository):
            images.setdefault(name, {})[image.name] = None
    return tuple(FlyApp(n, tuple(found), repositories.get(n)) for n, found in images.items())


def unlisted(project: Project) -> tuple[ImageName, ...]:
    """Name the images whose apps at Fly are not known: only a command knows them, not run."""
    return project.unlisted if project.settings.deploy.driver is DriverName.FLY else ()


def fly_repository(project: Project, image: Image, registry: str) -> Repository | None:
    """Return an image's repository on Fly's registry; `None` if it is not pushed there."""
    settings = project.settings.registry
    if image.public or settings.host != registry:
        return None
    return repository_of(settings, image.name)


def app_of_repository(repository: Repository) -> str:
    """Return the app that a repository belongs to: the first part of its path."""
    return repository.path.partition("/")[0]


def _names(project: Project, image: Image, repository: Repository | None) -> Iterator[str]:
    if repository:
        yield app_of_repository(repository)
    if image.deploy and project.settings.deploy.driver is DriverName.FLY:
        yield from image.deploy.apps
