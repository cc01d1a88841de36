"""The goal of a run, and the state of the world: what registry and apps hold now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..reference import Reference
from .project import reference_of
from .settings import repository_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..errors import UnknownError
    from ..reference import ImageName
    from .apps import Running
    from .configuration import Configuration
    from .image import Image
    from .inputs import Inputs
    from .presence import Availability, Presence
    from .project import Project
    from .stamp import Revision


class Goal(Struct, frozen=True):
    """What a run is asked to reach: images that exist, and apps that run them.

    `images` are the wanted ones, `None` for all of the project. With `force`, they are built even
    if they exist. `apps` are to run their image; those in `redeploy` are deployed even if they do
    already. With `deep`, existing images are checked for their platforms and all their parts.
    """

    images: tuple[ImageName, ...] | None = None
    force: bool = False
    apps: tuple[str, ...] = ()
    redeploy: tuple[str, ...] = ()
    deep: bool = False

    def names(self, project: Project) -> frozenset[ImageName]:
        """Return the names of the wanted images."""
        return frozenset(project.names if self.images is None else self.images)


def make_goal(
    only: Collection[ImageName] | None,
    *,
    force: bool | None,
    apps: Collection[str] | None,
    redeploy: Collection[str] | None,
    deep: bool | None = None,
    given: Goal | None = None,
) -> Goal:
    """Return the goal that the arguments describe; what is `None` is taken from `given`."""
    given = given or Goal()
    return Goal(
        given.images if only is None else tuple(only),
        given.force if force is None else force,
        given.apps if apps is None else tuple(apps),
        given.redeploy if redeploy is None else tuple(redeploy),
        given.deep if deep is None else deep,
    )


class State(Struct, frozen=True):
    """The goal, fingerprints of images and their bases, and what registry and apps hold.

    `presence` has the images that the registry was asked for: the wanted ones, and the bases of
    those that are missing. `fallback` has the images that are needed only if an image cannot be
    copied; an `UnknownError` stands for one that the registry did not answer for. `aliases` has the
    aliases of the wanted images. `running` has the apps of the goal, `None` for nothing deployed
    yet. `requests` counts the requests to registries, in `seconds` of work. `revision` is the
    commit of the project's files, looked up only for apps. `unknown` and `unknown_apps` are the
    images and apps that nothing could be found out about, which `runner.inspect.look` alone allows.
    `configurations` are those of the apps. `reusable` are missing images that may not have to be
    built, as their bases contain the same as before (`model.reuse`).
    """

    project: Project
    inputs: Mapping[ImageName, Inputs]
    presence: Mapping[ImageName, Availability] = field(default_factory=dict)
    aliases: Mapping[Reference, Presence] = field(default_factory=dict)
    running: Mapping[str, Running | None] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    revision: Revision | None = None
    goal: Goal = Goal()
    fallback: Mapping[ImageName, Availability | UnknownError] = field(default_factory=dict)
    unknown: Mapping[ImageName, UnknownError] = field(default_factory=dict)
    unknown_apps: Mapping[str, UnknownError] = field(default_factory=dict)
    configurations: Mapping[str, Configuration] = field(default_factory=dict)
    reusable: frozenset[ImageName] = frozenset()

    def __repr__(self) -> str:
        return f"<State: {len(self.presence)} images, {len(self.running)} apps>"

    def reference(self, name: ImageName) -> Reference:
        """Return the reference that the image's inputs give it."""
        return reference_of(self.project, name, self.inputs[name].fingerprint)


def alias_references(project: Project, image: Image) -> tuple[Reference, ...]:
    """Return the references of an image's aliases."""
    repository = repository_of(project.settings.registry, image.name)
    return tuple(Reference(repository, tag) for tag in image.aliases)
