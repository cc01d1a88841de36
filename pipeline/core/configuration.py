"""The configuration of an app: what a deploy would make of its machines."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a `fly.toml` says, parsed. The order of its keys and its comments do not count."""

    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 of it, 64 hex digits: what it says cannot be read from that."""
        text = json.dumps(self.data, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()
