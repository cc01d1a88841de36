"""Find images whose base is of one foreign platform, and set the platform that they are built for.

Docker's official images are also in a repository for each architecture, such as
`arm64v8/ubuntu` (docker-library/official-images, "Architectures other than amd64?").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reference import is_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.image import Image
    from ..model.project import Project
    from ..reference import ImageName, Reference
    from .candidate import Candidate

_PLATFORMS = {
    "amd64": "linux/amd64",
    "arm32v5": "linux/arm/v5",
    "arm32v6": "linux/arm/v6",
    "arm32v7": "linux/arm/v7",
    "arm64v8": "linux/arm64",
    "i386": "linux/386",
    "mips64le": "linux/mips64le",
    "ppc64le": "linux/ppc64le",
    "riscv64": "linux/riscv64",
    "s390x": "linux/s390x",
}
"""Platforms by the repositories' first words."""
_USUAL = "linux/amd64"


def set_platforms(project: Project, candidates: Sequence[Candidate]) -> bool:
    """Set `platforms` where an image begins with one of another platform; return whether it did.

    Images that stand on such an image get its platform. What is set already stays.
    """
    found: dict[ImageName, str] = {}
    changed = False
    by_name = {one.name: one for one in candidates}
    for image in project:
        platform = _platform(image, found)
        one = by_name.get(image.name)
        if not platform or one is None:
            continue
        found[image.name] = platform
        if platform != _USUAL and "platforms" not in one.keys:
            one.keys["platforms"] = (platform,)
            changed = True
    return changed


def _platform(image: Image, known: dict[ImageName, str]) -> str:
    """Return the only platform that externals and bases of an image are of; empty without one."""
    named = {_platform_of(external.reference) for external in image.externals}
    named |= {known.get(base, "") for base in image.base_names}
    found = named - {""}
    return found.pop() if len(found) == 1 else ""


def _platform_of(reference: Reference) -> str:
    repository = reference.repository
    return _PLATFORMS.get(repository.path.partition("/")[0], "") if is_hub(repository.host) else ""
