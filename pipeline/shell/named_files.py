"""Files that an app's configuration names: what is in them, and what is wrong with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Key = tuple[str | int, ...]


@dataclass(slots=True)
class NamedFiles:
    """The files that were read so far, each by its path as it is written.

    `folder` is where flyctl is run, from which paths lead on. `troubles` are the keys of the
    configuration that cannot be deployed as they are, why, and what to do.
    """

    folder: Path
    contents: dict[str, str] = field(default_factory=dict)
    troubles: list[tuple[Key, str, str]] = field(default_factory=list)

    def read(self, path: str, key: Key) -> bytes | None:
        """Read a file that the value at `key` names; one that cannot be read is in `troubles`."""
        try:
            data = (self.folder / path).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no path"
            hint = f"it is looked for in `{self.folder.name}`, where flyctl is run"
            self.troubles.append((key, f"`{path}` cannot be read: {why.lower()}", hint))
            return None
        self.contents[path] = hashlib.sha256(data).hexdigest()
        return data

    def note(self, path: str, *, below: str) -> None:
        """Note a file that flyctl leaves out where it cannot be read."""
        try:
            data = (self.folder / below / path).read_bytes()
        except (OSError, ValueError):
            return
        self.contents[path] = hashlib.sha256(data).hexdigest()

    def refuse(self, key: Key, why: str, hint: str = "") -> None:
        """Say that what stands at `key` cannot be deployed."""
        self.troubles.append((key, why, hint))
