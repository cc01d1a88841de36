"""A project: its settings, and its images in build order."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from ..errors import Problem, quoted_list, raise_problems
from ..reference import ImageName, Reference, Tag
from ..spelling import did_you_mean
from .settings import Settings, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from .image import Image
    from .inputs import Fingerprint


class Project(Struct, frozen=True):
    """All that the user's files say. `images` are in build order, bases first.

    `warnings` are sentences for the user about what was ignored or looks unintended. `instant` is
    when it was loaded, in seconds since 1970: the periods of `refresh` are those of that instant.
    """

    root: Path
    settings: Settings
    images: tuple[Image, ...]
    warnings: tuple[str, ...] = ()
    instant: int = 0
    _index: Mapping[ImageName, Image] = MappingProxyType({})

    def __post_init__(self) -> None:
        force_setattr(self, "_index", {image.name: image for image in self.images})

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    def image(self, name: ImageName) -> Image:
        """Return the image called `name`. Raises `KeyError`."""
        return self._index[name]

    def __repr__(self) -> str:
        return f"<Project {self.root}: {len(self.images)} images, {len(self.apps)} apps>"

    def named(self, names: Iterable[str]) -> tuple[ImageName, ...]:
        """Return names of images as such. Raises `ConfigError` for those that are none."""
        found = tuple(names)
        lost = dict.fromkeys(name for name in found if name not in self._index)
        raise_problems([_no_such(name, self.names) for name in lost])
        return tuple(ImageName(name) for name in found)

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


def _no_such(name: str, known: tuple[ImageName, ...]) -> Problem:
    hint = did_you_mean(name, known) or f"the images are {quoted_list(known)}"
    return Problem(None, f"there is no image `{name}`", hint)


def reference_of(project: Project, name: ImageName, fingerprint: Fingerprint) -> Reference:
    """Return the reference that an image is pushed under: repository, and tag of its inputs.

    An image that is deployed without a build keeps its own, as its fingerprint is in no tag.
    """
    if public := project.image(name).public:
        return public
    settings = project.settings.registry
    tag = settings.tag.format(name=name, fingerprint=fingerprint.short)
    return Reference(repository_of(settings, name), Tag(tag))
