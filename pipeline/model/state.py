"""What exists now: in the registry, and running. One value, asked for in one round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..reference import Reference
from .project import reference_of
from .settings import repository_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reference import ImageName
    from .apps import Running
    from .image import Image
    from .inputs import Inputs
    from .presence import Presence, Standing
    from .project import Project
    from .stamp import Revision


class State(Struct, frozen=True):
    """Fingerprints of images and of what they stand on, and what registry and apps hold.

    `presence` has the images that had to be asked for: those that were wanted, and the bases of
    those that are missing. `aliases` has the moving tags of the wanted. `running` has the apps
    that were asked for, `None` for nothing yet. `requests` counts what the registry was asked, in
    `seconds` of work. `revision` is the commit of the project's files, looked up for apps alone.
    """

    project: Project
    inputs: Mapping[ImageName, Inputs]
    presence: Mapping[ImageName, Standing] = field(default_factory=dict)
    aliases: Mapping[Reference, Presence] = field(default_factory=dict)
    running: Mapping[str, Running | None] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    revision: Revision | None = None

    def reference(self, name: ImageName) -> Reference:
        """The reference that the image's inputs give it."""
        return reference_of(self.project, name, self.inputs[name].fingerprint)


def alias_references(project: Project, image: Image) -> tuple[Reference, ...]:
    """The moving tags of an image."""
    repository = repository_of(project.settings.registry, image.name)
    return tuple(Reference(repository, tag) for tag in image.aliases)
