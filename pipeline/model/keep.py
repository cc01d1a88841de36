"""Images that are tied to a machine at Fly, so that they are not pruned, and why each is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..reference import Digest, ImageName, Reference


class Role(StrEnum):
    """What an image is kept for: to build on it, or to go back to it."""

    BASE = "base"
    ROLLBACK = "rollback"


class KeepStatus(StrEnum):
    """How an image stands, and what was done about it.

    `kept` was so before; `moved` is a machine that kept another image; `none` says that there is
    nothing to keep, `absent` that what should be kept is gone or was never pushed.
    """

    KEPT = "kept"
    ADDED = "added"
    MOVED = "moved"
    RELEASED = "released"
    NONE = "none"
    ABSENT = "absent"
    FAILED = "failed"


class Slot(Struct, frozen=True):
    """What one machine of `app` is for: a base image, or the release before of the app.

    `image` is the project's name of it; an app has one slot for going back, whatever the image.
    """

    app: str
    role: Role
    image: ImageName

    @property
    def name(self) -> str:
        """What the user calls it: a base image by its name, a release by its app's."""
        return self.image if self.role is Role.BASE else self.app

    def is_one_with(self, other: Slot) -> bool:
        """Whether both mean the same machine."""
        same = (self.app, self.role) == (other.app, other.role)
        return same and (self.role is Role.ROLLBACK or self.image == other.image)


class Kept(Struct, frozen=True):
    """How a slot ended. `reference` is what it should keep, pinned where its digest is known.

    `machine` is an id, `since` RFC 3339 in UTC; both are empty where there is none. `unknown` says
    of a failure that it tells nothing of the image.
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
        """Of the image that is or should be kept."""
        return self.reference.digest if self.reference else None

    @property
    def is_lost(self) -> bool:
        """Whether what should be kept is not, or may not be."""
        return self.status in {KeepStatus.ABSENT, KeepStatus.FAILED}
