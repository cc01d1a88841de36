"""Images that a stopped machine at Fly pins, so that Fly does not prune them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..reference import Digest, ImageName, Reference


class Role(StrEnum):
    """What an image is kept for: as a base of builds, or for a rollback."""

    BASE = "base"
    ROLLBACK = "rollback"


class KeepStatus(StrEnum):
    """What was done to keep an image.

    `kept`: it was kept before. `moved`: its machine kept another image. `none`: there is nothing to
    keep. `absent`: the image that should be kept was pruned, or never pushed.
    """

    KEPT = "kept"
    ADDED = "added"
    MOVED = "moved"
    RELEASED = "released"
    NONE = "none"
    ABSENT = "absent"
    FAILED = "failed"


class Slot(Struct, frozen=True):
    """What one machine of `app` keeps: a base image, or the app's previous release.

    `image` is the image's name in the project. An app has one slot for rollbacks, whatever the
    image.
    """

    app: str
    role: Role
    image: ImageName

    @property
    def name(self) -> str:
        """The name that the user writes: a base image's own, or the app of a release."""
        return self.image if self.role is Role.BASE else self.app

    def same_machine(self, other: Slot) -> bool:
        """Return whether both slots mean the same machine."""
        same = (self.app, self.role) == (other.app, other.role)
        return same and (self.role is Role.ROLLBACK or self.image == other.image)


class Kept(Struct, frozen=True):
    """The result for one slot. `reference` is what it should keep, with its digest if known.

    `machine` is an id, `since` RFC 3339 in UTC; both are empty if there is no machine. `unknown`
    means that a failure says nothing about the image: a refused token, no answer.
    """

    slot: Slot
    status: KeepStatus
    reference: Reference | None = None
    machine: str = ""
    since: str = ""
    reason: str = ""
    hint: str = ""
    unknown: bool = False

    @property
    def digest(self) -> Digest | None:
        """The digest of the image that is kept, or should be."""
        return self.reference.digest if self.reference else None

    @property
    def is_lost(self) -> bool:
        """Whether an image that should be kept is not kept, or may not be."""
        return self.status in {KeepStatus.ABSENT, KeepStatus.FAILED}
