"""Read what an image consists of for each platform: its configuration and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..http.errors import HttpError
from ..reference import Reference
from .blobs import read_blob
from .manifest import contents_of

if TYPE_CHECKING:
    from ..reference import Digest, Platform
    from .client import Registry
    from .manifest import Manifest

MOST = 8
"""Platforms of one image: each takes two requests."""


class PlatformImage(Struct, frozen=True):
    """An image for one platform: the digests of its configuration, and of its compressed layers.

    `platform` is what the index says; `None` for an image without an index. `manifest` is the one
    of this platform.
    """

    platform: Platform | None
    manifest: Digest
    config: Digest
    layers: tuple[Digest, ...]


def platforms_of(
    registry: Registry, reference: Reference, manifest: Manifest
) -> tuple[PlatformImage, ...]:
    """Read the manifest of each platform in an index; a manifest is returned as it is.

    Attestations are left out: they are about an image, and nothing of it. Raises `HttpError`, also
    for an index with more than `MOST` platforms, or where one has no configuration.
    """
    children = [part for part in contents_of(manifest, reference).children if not part.attests]
    if not children:
        return (_of(manifest, reference, None),)
    if len(children) > MOST:
        raise HttpError(f"`{reference}` is for more than {MOST} platforms")
    places = [(part, Reference(reference.repository, None, part.digest)) for part in children]
    return tuple(_of(registry.manifest(at), at, part.platform) for part, at in places)


def configuration_of(registry: Registry, reference: Reference, image: PlatformImage) -> bytes:
    """Read the configuration of an image for one platform. Raises `HttpError`."""
    content = read_blob(registry.connect(reference.repository), image.config)
    if content is None:
        raise HttpError(f"`{reference}` lacks its configuration `{image.config}`")
    return content


def _of(manifest: Manifest, reference: Reference, platform: Platform | None) -> PlatformImage:
    found = contents_of(manifest, reference)
    if found.config is None or found.children:
        raise HttpError(f"`{reference}` is no image for one platform")
    layers = tuple(part.digest for part in found.layers)
    return PlatformImage(platform, manifest.digest, found.config.digest, layers)
