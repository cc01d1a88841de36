"""Externals that are not as `pipeline.lock` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..reference import Digest, ImageName, Reference


class Move(Struct, frozen=True):
    """An external that is not as the lock has it: its digests, and what the change reaches.

    `before` is `None` for one that was not locked. `images` would be built again, and `apps` be
    deployed, in build order. The versions are what the images say of themselves, "" if nothing.
    """

    reference: Reference
    before: Digest | None
    now: Digest
    images: tuple[ImageName, ...]
    apps: tuple[str, ...]
    version_before: str = ""
    version_now: str = ""
