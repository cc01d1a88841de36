"""Read what images of the registry contain: their configurations without times, their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..fingerprints.reuse_key import contents_key
from ..http.errors import HttpError
from ..registry.errors import AbsentError
from ..registry.image_config import ConfigurationError, diff_ids, without_times
from ..registry.platforms_of import configuration_of, platforms_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..model.inputs import Key
    from ..reference import Reference
    from ..registry.client import Registry
    from ..registry.manifest import Manifest
    from ..registry.platforms_of import PlatformImage


class _Layers(Struct, frozen=True):
    """The layers of an image for one platform, from the lowest on: compressed, and uncompressed."""

    compressed: tuple[str, ...]
    uncompressed: tuple[str, ...]


class Contents(Struct, frozen=True):
    """What an image contains: its key, and its layers for each platform."""

    key: Key
    layers: tuple[_Layers, ...]


def read_contents(registry: Registry, place: Reference, manifest: Manifest | None) -> Contents:
    """Read what an image contains. Raises `HttpError` for one that is not understood."""
    try:
        images = platforms_of(registry, place, manifest or registry.manifest(place))
        configurations = {
            str(i.platform or ""): configuration_of(registry, place, i) for i in images
        }
        if len(configurations) != len(images):
            raise HttpError(f"`{place}` has two images for one platform")
        timeless = {name: without_times(one) for name, one in configurations.items()}
        layers = tuple(
            _Layers(one.layers, diff_ids(configuration))
            for one, configuration in zip(images, configurations.values(), strict=True)
        )
    except AbsentError as error:
        raise HttpError(error.message) from None
    except ConfigurationError as error:
        raise HttpError(f"the configuration of `{place}` cannot be read: {error}") from None
    return Contents(contents_key(timeless), layers)


def begins_with(
    registry: Registry, place: Reference, manifest: Manifest, roots: Sequence[Contents]
) -> bool:
    """Return whether an image begins, on each platform, with the layers of one of its bases.

    A build engine that dropped a layer and made it again would put two versions of it into the base
    and into what stands on it. Raises `HttpError`.
    """
    known = [layers for one in roots for layers in one.layers]
    return all(
        _has_prefix(registry, place, one, known) for one in platforms_of(registry, place, manifest)
    )


def _has_prefix(
    registry: Registry, place: Reference, image: PlatformImage, known: Collection[_Layers]
) -> bool:
    if any(image.layers[: len(one.compressed)] == one.compressed for one in known):
        return True
    # The engine compresses a layer again when it pushes what it loaded.
    try:
        own = diff_ids(configuration_of(registry, place, image))
    except ConfigurationError:
        return False
    return any(own[: len(one.uncompressed)] == one.uncompressed for one in known)
