"""The staging tag: a run pushes an image under it, before it publishes it under its own. Pure.

A push takes long and may end half-way, and another run of the same commit may push at the same
time. So each run pushes under tags that nobody else uses, and as its last step puts the finished
manifest under the tag that all runs look for (`runner.publish`).

A staging tag stays in the registry. It is only another name: manifest and layers are those of the
image, or, if another run published first, what the push of this run would have left anyway. It is
not deleted: Fly's registry deletes no tag, and where the distribution server deletes by tag, the
manifest goes with all its other tags.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..reference import Tag

if TYPE_CHECKING:
    from ..reference import Reference

_MAX_TAG = 128
_SHORT = 32


def staged(reference: Reference, mark: str) -> Reference:
    """Return `reference` with the staging tag of the run known by `mark` (8 hex digits).

    >>> from pipeline.reference import parse_reference
    >>> str(staged(parse_reference("registry.fly.io/web:3f2a"), "0a1b2c3d"))
    'registry.fly.io/web:3f2a-0a1b2c3d'
    """
    tag = str(reference.tag)
    if len(tag) + 1 + len(mark) > _MAX_TAG:
        # Not cut off, or two tags could become one: the fingerprint is at the end.
        tag = hashlib.sha256(tag.encode()).hexdigest()[:_SHORT]
    return replace(reference, tag=Tag(f"{tag}-{mark}"))
