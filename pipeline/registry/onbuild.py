"""Read the ONBUILD triggers of an image from its config.

docker's `image-spec-v1.2.md`: `config.OnBuild` is a list of instructions as text, or null. OCI's
image-spec has no such field, and BuildKit reads it there all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.errors import HttpError
from ..http.text import read_json
from ..model.image import MOST_TRIGGERS
from ..reference import Reference
from .blobs import read_blob
from .contents import manifests_of_platforms, serving
from .manifest import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reference import Platform
    from .client import Registry
    from .manifest import Manifest


def onbuild(
    registry: Registry, reference: Reference, manifest: Manifest, platforms: Iterable[Platform]
) -> dict[Platform, tuple[str, ...]]:
    """Read the triggers of an image for each of `platforms` that it is for.

    Two requests for each platform of an index, one for a manifest. Raises `HttpError`.
    """
    children = contents_of(manifest, reference).children
    if not children:
        found = _triggers(registry, reference, manifest)
        return dict.fromkeys(platforms, found)
    known: dict[Platform, tuple[str, ...]] = {}
    digests = manifests_of_platforms(children)
    for platform in platforms:
        if served := serving(platform, digests):
            child = Reference(reference.repository, None, digests[served])
            known[platform] = _triggers(registry, child, registry.manifest(child))
    return known


def is_trigger(value: object) -> bool:
    """Return whether a value can be a trigger: a text without NUL, which a file can hold."""
    return isinstance(value, str) and "\0" not in value


def _triggers(registry: Registry, reference: Reference, manifest: Manifest) -> tuple[str, ...]:
    config = contents_of(manifest, reference).config
    repository = registry.connect(reference.repository)
    content = read_blob(repository, config.digest) if config else None
    match read_json(content) if content else None:
        case {"config": {"OnBuild": list(found)}} if all(map(is_trigger, found)):
            if len(found) > MOST_TRIGGERS:
                raise HttpError(f"`{reference}` has more than {MOST_TRIGGERS} triggers")
            return tuple(found)
        case {"config": {"OnBuild": other}} if other is not None:
            raise HttpError(f"the triggers of `{reference}` cannot be read: they are not texts")
        case dict():
            return ()
    raise HttpError(
        f"`{reference}` has no configuration that can be read",
        hint="is this an image that `FROM` can name?",
    )
