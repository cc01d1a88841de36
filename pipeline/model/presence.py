"""Whether an image exists in a registry: present, absent, incomplete, or elsewhere.

Only an authenticated 404 is absence (distribution-spec, "Checking if content exists"); a refusal
or a fault raises `UnknownError`, and is never taken for either. Further requests may find that a
present image is incomplete, or that an absent one exists under another reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..reference import Digest, Reference


class Present(Struct, frozen=True):
    """The manifest exists under `digest`."""

    digest: Digest
    media_type: str = ""
    size: int = 0


class Absent(Struct, frozen=True):
    """The registry has accepted our credentials, and has no such manifest."""


class Incomplete(Struct, frozen=True):
    """The manifest exists under `digest`, and parts of it are missing; `reason` says which."""

    digest: Digest
    reason: str


class Elsewhere(Struct, frozen=True):
    """Absent, and present as `source`, which has the same fingerprint, with `digest`."""

    source: Reference
    digest: Digest


Presence = Present | Absent
"""The answer to one HEAD request."""

Availability = Present | Absent | Incomplete | Elsewhere
"""The answer after all requests for an image."""
