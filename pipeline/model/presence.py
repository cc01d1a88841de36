"""What a registry says of a reference: present, absent; anything else is an error.

Only an authenticated 404 is absence (distribution-spec, "Checking if content exists"); a refusal
or a fault is raised as `UnknownError`, never read as either. A closer look may find that what is
present is hollow, or that what is absent stands elsewhere.
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
    """The registry knows us, and says that there is no such manifest."""


class Incomplete(Struct, frozen=True):
    """The manifest exists under `digest`, and cannot be used; `reason` says what it lacks."""

    digest: Digest
    reason: str


class Elsewhere(Struct, frozen=True):
    """Absent, and present as `source`, whose tag says the same fingerprint, with `digest`."""

    source: Reference
    digest: Digest


Presence = Present | Absent
"""The answer to one HEAD."""

Availability = Present | Absent | Incomplete | Elsewhere
"""How an image stands after all that was asked."""
