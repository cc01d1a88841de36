"""The name under which the local engine keeps an image that a run built there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker

if TYPE_CHECKING:
    from docker import DockerClient

    from ..reference import Digest, Reference


def rename(
    client: DockerClient, staged: Reference, published: Reference, digest: Digest | None
) -> None:
    """Give what is held as `staged` the name `published`, where it is the image of that digest.

    Otherwise, as where another run published first, the name is let go of alone; the layers stay
    in BuildKit's cache. An engine that does not hold it is left as it is.
    """
    try:
        image = client.images.get(str(staged))
    except docker.errors.ImageNotFound:
        return
    held = image.attrs.get("RepoDigests") or ()
    if digest and any(name.endswith(f"@{digest}") for name in held):
        image.tag(str(published.repository), tag=published.tag)
    client.images.remove(str(staged), noprune=True)
