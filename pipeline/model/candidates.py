"""Where else an image may stand that is missing under its own reference."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..reference import Reference
from .project import reference_of
from .settings import other_repositories_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..reference import ImageName
    from .image import Image
    from .inputs import Inputs
    from .project import Project


def candidates(
    project: Project, inputs: Mapping[ImageName, Inputs], names: Iterable[ImageName]
) -> dict[ImageName, tuple[Reference, ...]]:
    """For each image that has such places, all of them, the nearest first.

    These are other images of the project with the same fingerprint, as far as `inputs` has them,
    and the image itself in the repositories of `[registry] also`.
    """
    alike: dict[str, list[Image]] = defaultdict(list)
    for image in project:
        if not image.public and image.name in inputs:
            alike[inputs[image.name].fingerprint.hex].append(image)
    places = {
        name: (
            *_twins(project, inputs, project.image(name), alike[inputs[name].fingerprint.hex]),
            *_also(project, inputs, name),
        )
        for name in names
        if not project.image(name).public
    }
    return {name: tuple(dict.fromkeys(found)) for name, found in places.items() if found}


def _twins(
    project: Project, inputs: Mapping[ImageName, Inputs], image: Image, alike: Iterable[Image]
) -> Iterable[Reference]:
    """The same image under other names, if it was made in the same way.

    The test is in the fingerprint; secrets are not, and must not be got round by a copy.
    """
    for other in alike:
        same = (other.secrets, other.ssh) == (image.secrets, image.ssh)
        if same and other is not image:
            yield reference_of(project, other.name, inputs[other.name].fingerprint)


def _also(
    project: Project, inputs: Mapping[ImageName, Inputs], name: ImageName
) -> Iterable[Reference]:
    own = reference_of(project, name, inputs[name].fingerprint)
    for repository in other_repositories_of(project.settings.registry, name):
        if repository != own.repository:
            yield Reference(repository, own.tag)
