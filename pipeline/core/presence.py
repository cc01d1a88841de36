"""What a registry says of a reference: present, absent; anything else is an error.

Only an authenticated 404 is absence (distribution-spec, "Checking if content exists"); a refusal
or a fault is raised as `UnknownError`, never read as either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.core.reference import Digest


@dataclass(frozen=True, slots=True)
class Present:
    """The manifest exists under `digest`."""

    digest: Digest
    media_type: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Absent:
    """The registry knows us, and says that there is no such manifest."""


Presence = Present | Absent
