"""Find other references under which a missing image may exist, to copy it from there."""

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


def copy_sources(
    project: Project, inputs: Mapping[ImageName, Inputs], names: Iterable[ImageName]
) -> dict[ImageName, tuple[Reference, ...]]:
    """Return the references that each image may be copied from, the nearest first.

    These are other images of the project with the same fingerprint, if `inputs` has them, and the
    image itself in the repositories of `[registry] also`.
    """
    alike: dict[str, list[Image]] = defaultdict(list)
    for image in project:
        if not image.public and image.name in inputs:
            alike[inputs[image.name].fingerprint.hex].append(image)
    sources = {
        name: (
            *_twins(project, inputs, project.image(name), alike[inputs[name].fingerprint.hex]),
            *_also(project, inputs, name),
        )
        for name in names
        if not project.image(name).public
    }
    return {name: tuple(dict.fromkeys(found)) for name, found in sources.items() if found}


def _twins(
    project: Project, inputs: Mapping[ImageName, Inputs], image: Image, alike: Iterable[Image]
) -> Iterable[Reference]:
    """Yield references of the same image under other names, if it has the same secrets.

    A test is part of the fingerprint. Secrets are not, and a copy must not bypass them.
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
