"""A project: its settings, and its images in build order."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from ..reference import Reference, Tag
from .settings import Settings, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..reference import ImageName
    from .image import Image
    from .inputs import Fingerprint


class Project(Struct, frozen=True):
    """All that the user's files say. `images` are in build order, bases first.

    `warnings` are sentences for the user about what was ignored or looks unintended.
    """

    root: Path
    settings: Settings
    images: tuple[Image, ...]
    warnings: tuple[str, ...] = ()
    _index: Mapping[ImageName, Image] = MappingProxyType({})

    def __post_init__(self) -> None:
        force_setattr(self, "_index", {image.name: image for image in self.images})

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    def image(self, name: ImageName) -> Image:
        """Return the image called `name`. Raises `KeyError`."""
        return self._index[name]

    @property
    def names(self) -> tuple[ImageName, ...]:
        """The names of all images, in build order."""
        return tuple(image.name for image in self.images)

    @property
    def apps(self) -> tuple[str, ...]:
        """The names of all known apps, in build order of their images."""
        return tuple(app for image in self.images if image.deploy for app in image.deploy.apps)

    @property
    def unlisted(self) -> tuple[ImageName, ...]:
        """The images whose apps are not known: nobody has listed them yet, or nobody could."""
        return tuple(i.name for i in self.images if i.deploy and i.deploy.pending)


def reference_of(project: Project, name: ImageName, fingerprint: Fingerprint) -> Reference:
    """Return the reference that an image is pushed under: repository, and tag of its inputs.

    An image that is deployed without a build keeps its own, as its fingerprint is in no tag.
    """
    if public := project.image(name).public:
        return public
    settings = project.settings.registry
    tag = settings.tag.format(name=name, fingerprint=fingerprint.short)
    return Reference(repository_of(settings, name), Tag(tag))
