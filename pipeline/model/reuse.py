"""Which images may be reused, as their bases contain the same, and the tags that tell.

The key of a base is in the keys of all its dependents, so a comment in its Dockerfile gives all of
them other tags. Two more tags of an image that was built let a run find that nothing of it changes:

* `TAG.own`, with the own key for the fingerprint: an image of these inputs was built, on some base.
* `TAG.reuse`, with the reuse key: the image of these inputs on bases that contain the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reference import Reference, Tag
from .presence import Absent
from .settings import repository_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..reference import ImageName
    from .inputs import Key
    from .presence import Availability
    from .project import Project
    from .state import Goal

_MOST = 128
"""Characters of a tag (distribution-spec)."""
OWN, REUSE = ".own", ".reuse"


def own_reference(project: Project, name: ImageName, key: Key) -> Reference | None:
    """Return the reference that says whether an image with this own key was ever built.

    `None` if its tag would be too long.
    """
    return _reference(project, name, key, OWN)


def reuse_reference(project: Project, name: ImageName, key: Key) -> Reference | None:
    """Return the reference of the image with this reuse key; `None` if its tag is too long."""
    return _reference(project, name, key, REUSE)


def _reference(project: Project, name: ImageName, key: Key, ending: str) -> Reference | None:
    settings = project.settings.registry
    tag = settings.tag.format(name=name, fingerprint=key.hex[:20]) + ending
    return Reference(repository_of(settings, name), Tag(tag)) if len(tag) <= _MOST else None


def may_wait(
    project: Project,
    goal: Goal,
    presence: Mapping[ImageName, Availability],
    building: Collection[ImageName],
) -> tuple[ImageName, ...]:
    """Return the missing images that stand on others of the project, in build order.

    Their bases are to be built, or exist: a run for the base alone may have built it. Nothing is
    reused with `force`, or if the settings say so; an incomplete image is built anew. An image with
    `refresh` that is to be built is built without the cache, so that it never contains the same
    again: what depends on it is built with it.
    """
    if goal.force or not project.settings.build.reuse:
        return ()
    refreshed = [name for name in building if project.image(name).refresh]
    certain = frozenset(refreshed) | _dependents(project, refreshed)
    return tuple(
        image.name
        for image in project
        if image.name in building
        and isinstance(presence.get(image.name), Absent)
        and image.base_names
        and certain.isdisjoint(image.base_names)
    )


def without_dependents(
    project: Project, waiting: Collection[ImageName], missed: Collection[ImageName]
) -> frozenset[ImageName]:
    """Return the images that may still be reused after others turned out to be built.

    What depends on these is built with them in one solve: their contents are new.
    """
    return frozenset(waiting) - frozenset(missed) - _dependents(project, missed)


def _dependents(project: Project, names: Collection[ImageName]) -> frozenset[ImageName]:
    """Return all images that depend on some, directly or not."""
    found: set[ImageName] = set()
    for image in project:
        if not found.isdisjoint(image.base_names) or not set(names).isdisjoint(image.base_names):
            found.add(image.name)
    return frozenset(found)
