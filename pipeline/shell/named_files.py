"""Files that an app's configuration names: what is in them, and what is wrong with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.edge.file_read import MOST, FileError, OutsideError, read_file
from pipeline.shell.places import is_there

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path, PurePosixPath

Key = tuple[str | int, ...]


@dataclass(slots=True)
class NamedFiles:
    """The files that were read so far, each by its path as it is written.

    `folder`, relative to the project's `root`, is where flyctl is run. Paths lead on from there,
    but not out of the project: else what is deployed would be whatever the machine has there.
    `troubles` are the keys of the configuration that cannot be deployed as they are, why, and what
    to do.
    """

    root: Path
    folder: PurePosixPath
    contents: dict[str, str] = field(default_factory=dict)
    troubles: list[tuple[Key, str, str]] = field(default_factory=list)

    def read(self, path: str, key: Key, most: int = MOST) -> bytes | None:
        """Read a file that the value at `key` names; one that cannot be read is in `troubles`."""
        here = f"it is looked for in `{self.folder}`, where flyctl is run"
        try:
            data = read_file(self.root, self.folder / path, most=most)
        except FileError as error:
            self.troubles.append((key, f"`{path}` {error.what}", error.hint or here))
            return None
        if data is None:
            why = f"`{path}` cannot be read: no such file or directory"
            self.troubles.append((key, why, here))
            return None
        self.contents[path] = hashlib.sha256(data).hexdigest()
        return data

    def note(self, path: str, key: Key, *, below: str) -> None:
        """Note a file that flyctl leaves out where it cannot be read."""
        try:
            data = read_file(self.root, self.folder / below / path, most=MOST)
        except OutsideError as error:
            self.troubles.append((key, f"`{path}` {error.what}", error.hint))
            return
        except FileError:
            return
        if data is not None:
            self.contents[path] = hashlib.sha256(data).hexdigest()

    def first(self, names: Iterable[str]) -> str:
        """The first of these files that is there, or nothing."""
        return next((name for name in names if is_there(self.root / self.folder / name)), "")

    def refuse(self, key: Key, why: str, hint: str = "") -> None:
        """Say that what stands at `key` cannot be deployed."""
        self.troubles.append((key, why, hint))
