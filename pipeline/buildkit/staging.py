"""The tag under which a run pushes an image before it is published under its own. Pure.

A push takes long and may end half-way, and another run of the same commit may push at the same
time. So each run pushes under tags that nobody else uses, and puts the finished manifest under the
tag that all runs look for as the last of its steps (`runner.publish`).

A staging tag stays in the registry. It costs nothing there but a name: manifest and layers are
those of the image, which is kept anyway; where another run published first, they are what that
run's push would have left, too. We do not delete it: Fly's registry deletes no tag, and where the
distribution server deletes by one, the manifest goes with every other tag of it.
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
    """`reference` under the staging tag of the run that is known by `mark` (8 hex digits).

    >>> from pipeline.reference import parse_reference
    >>> str(staged(parse_reference("registry.fly.io/web:3f2a"), "0a1b2c3d"))
    'registry.fly.io/web:3f2a-0a1b2c3d'
    """
    tag = str(reference.tag)
    if len(tag) + 1 + len(mark) > _MAX_TAG:
        # Cut off, two could be one: the fingerprint stands at the end.
        tag = hashlib.sha256(tag.encode()).hexdigest()[:_SHORT]
    return replace(reference, tag=Tag(f"{tag}-{mark}"))
