"""Decide which names in a Dockerfile are images of this project: the edges of its graph.

Stages, `scratch` and arguments are resolved before. A name is an image of the project if it is (a)
its bare name, without a tag or with `:latest`, or (b) its repository on our registry, by any of the
registry's names: with any tag, or, if all images share one repository, with a tag of its form, or
(c) bound by `[bases]`, or by a value of `args`, as its whole repository, with any tag.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from ..model.settings import repository_of
from ..reference import ImageName, Repository, is_hub, parse_reference, registry_named
from ..spelling import Typos, closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model.settings import RegistrySettings
    from ..reference import Reference


_FINGERPRINT = "0" * 20
_BARE = re.compile(r"[^/:@]+")


class Names(Struct, frozen=True):
    """The images of a project, by the names that a Dockerfile may use for them."""

    bare: frozenset[ImageName]
    repositories: Mapping[Repository, Mapping[ImageName, None]]
    tag: str
    typos: Typos

    def find(self, written: str, given: str = "") -> ImageName | None:
        """Return the image that `written` names, `None` if it is external.

        `given` is its repository, if all of that is an argument's value. Raises
        `ReferenceSyntaxError` if it is not a reference.
        """
        reference = parse_reference(written)
        if given in self.bare:
            return ImageName(given)
        bare = written.removesuffix(":latest")
        if bare in self.bare:
            return ImageName(bare)
        owners = self.repositories.get(_canonical(reference.repository), {})
        if len(owners) == 1 and "{name}" not in self.tag:
            return next(iter(owners))
        return _by_tag(self.tag, owners, reference)

    def nearest_repository(self, written: str) -> str:
        """Return the image whose repository on our registry is most like the one in `written`.

        Empty for a repository of another registry.
        """
        repository = _canonical(parse_reference(written).repository)
        if is_hub(repository.host) and repository.path.startswith("library/"):
            return ""
        paths = {
            one.path: next(iter(owners))
            for one, owners in self.repositories.items()
            if one.host == repository.host
        }
        near = closest(repository.path, paths)
        return str(paths[near]) if near else ""

    def meant(self, written: str) -> str:
        """Return the image whose bare name is misspelt in `written`, or nothing."""
        return self.typos.meant(written) if _BARE.fullmatch(written) else ""


def project_names(settings: RegistrySettings, images: Iterable[ImageName]) -> Names:
    """Prepare the names of all images of a project."""
    repositories: dict[Repository, dict[ImageName, None]] = {}
    names = tuple(images)
    for name in names:
        repository = _canonical(repository_of(settings, name))
        repositories.setdefault(repository, {})[name] = None
    return Names(frozenset(names), repositories, settings.tag, Typos(names))


def _canonical(repository: Repository) -> Repository:
    """Return the repository under the one name of its registry, however its host is written."""
    return Repository(registry_named(repository.host), repository.path)


def _by_tag(
    template: str, owners: Mapping[ImageName, None], reference: Reference
) -> ImageName | None:
    """Return the owner whose name is in the tag; the rest of a tag has a fixed length."""
    tag = reference.tag or ""
    count = template.count("{name}")
    if not count:
        matching = [name for name in owners if _tag_form(template, name).fullmatch(tag)]
        return max(matching, key=len, default=None)
    rest = len(tag) - len(template.format(name="", fingerprint=_FINGERPRINT))
    start = len(template.partition("{name}")[0].format(fingerprint=_FINGERPRINT))
    name = ImageName(tag[start : start + max(rest, 0) // count])
    known = name in owners and _tag_form(template, name).fullmatch(tag)
    return name if known else None


@cache
def _tag_form(template: str, name: ImageName) -> re.Pattern[str]:
    literal = re.escape(template.format(name=name, fingerprint="\0"))
    return re.compile(literal.replace(re.escape("\0"), "[0-9a-f]{20}"))
