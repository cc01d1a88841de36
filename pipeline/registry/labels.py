"""Read the version that an image says it is, by a label of its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.errors import HttpError
from ..http.text import plain, read_json
from .blobs import read_blob
from .errors import AbsentError
from .manifest import contents_of

if TYPE_CHECKING:
    from ..reference import Reference
    from .client import Registry


def version_of(registry: Registry, reference: Reference) -> str:
    """Return the label `org.opencontainers.image.version` in one line; "" where there is none.

    The reference is of an image, not of an index: two requests. A registry that does not answer or
    no longer has the image is no error: the version only helps people.
    """
    try:
        config = contents_of(registry.manifest(reference), reference).config
        remote = registry.connect(reference.repository)
        content = read_blob(remote, config.digest) if config else None
    except (HttpError, AbsentError):
        return ""
    match read_json(content) if content else None:
        case {"config": {"Labels": {"org.opencontainers.image.version": str(version)}}}:
            return plain(version)
    return ""
