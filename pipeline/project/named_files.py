"""Read files that an app's configuration names, and record what is wrong with them."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..process.paths import is_there, real_path
from ..process.read_file import MOST, FileError, read_file
from .fly_toml import respelt

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import PurePosixPath

    from ..errors import KeyPath


_MOST_UPLOADS = 100


class NamedFiles(Struct):
    """The files that were read so far, each by its path as written.

    `folder`, relative to the project's `root`, is where flyctl runs. Paths start there, but must
    not leave the project: otherwise a deploy would contain whatever the machine has there. A file
    that is named often is read once: `known` has those, by their real path. `uploads` counts
    folders. `problems` are the keys of the configuration that cannot be deployed as they are, the
    reason, and a hint.
    """

    root: Path
    folder: PurePosixPath
    contents: dict[str, str] = field(default_factory=dict)
    known: dict[Path, str] = field(default_factory=dict)
    uploads: int = 0
    problems: list[tuple[KeyPath, str, str]] = field(default_factory=list)

    def read(self, path: str, key: KeyPath, most: int = MOST) -> bytes | None:
        """Read a file that the value at `key` names; if that fails, add a problem."""
        here = f"it is looked for in `{self.folder}`, where flyctl is run"
        try:
            data = read_file(self.root, self.folder / path, most=most)
        except FileError as error:
            self.problems.append((key, f"`{path}` {error.what}", error.hint or here))
            return None
        if data is None:
            why = f"`{path}` cannot be read: no such file or directory"
            self.problems.append((key, why, here))
            return None
        self.contents[path] = hashlib.sha256(data).hexdigest()
        return data

    def count(self, path: str, key: KeyPath) -> None:
        """Record the hash of a file of which only the contents matter."""
        real = real_path(self.root / self.folder / path)
        if real in self.known:
            self.contents[path] = self.known[real]
        elif self.read(path, key) is not None:
            self.known[real] = self.contents[path]

    def note(self, path: str, key: KeyPath, *, below: str) -> None:
        """Record the hash of a file that flyctl leaves out if it cannot be read."""
        real = real_path(self.root / self.folder / below / path)
        if real in self.known:
            self.contents[path] = self.known[real]
            return
        try:
            data = read_file(self.root, self.folder / below / path, most=MOST)
        except FileError as error:
            if _can_be_read(self.root / self.folder / below / path):
                self.problems.append((key, f"`{path}` {error.what}", error.hint))
            return
        if data is not None:
            self.contents[path] = self.known[real] = hashlib.sha256(data).hexdigest()

    def below(self, path: str, key: KeyPath) -> None:
        """Check that a folder, and all that flyctl would upload of it, is in the project.

        flyctl follows links to files, and does not follow links to folders in it.
        """
        self.uploads += 1
        if self.uploads > _MOST_UPLOADS:
            if self.uploads == _MOST_UPLOADS + 1:
                self.refuse(key, f"there are more than {_MOST_UPLOADS} folders to upload")
            return
        root, top = real_path(self.root), real_path(self.root / self.folder / path)
        found = (Path(at, name) for at, _, names in os.walk(top) for name in names)
        inside = top.is_relative_to(root)
        links = (one for one in found if one.is_symlink()) if inside else ()
        odd = next((one for one in links if not real_path(one).is_relative_to(root)), None)
        if odd or not inside:
            shown = f"{path}/{odd.relative_to(top)}" if odd else path
            hint = "only files of the project are uploaded"
            self.refuse(key, f"`{shown}` lies outside the project", hint)

    def spell(self, table: Mapping[str, object], path: KeyPath, keys: Container[str]) -> None:
        """Refuse another spelling of a key that leads to files."""
        for name in respelt(table, keys):
            why = f"flyctl reads `{name}` as `{name.casefold()}`"
            self.refuse((*path, name), why, f"write `{name.casefold()}`")

    def first(self, names: Iterable[str]) -> str:
        """Return the first of these files that exists, or nothing."""
        return next((name for name in names if is_there(self.root / self.folder / name)), "")

    def refuse(self, key: KeyPath, why: str, hint: str = "") -> None:
        """Add the problem that the value at `key` cannot be deployed."""
        self.problems.append((key, why, hint))


def _can_be_read(path: Path) -> bool:
    """Return whether flyctl would read what we do not: a file too large, or without an end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return os.access(path, os.R_OK) and not stat.S_ISDIR(mode) and not stat.S_ISSOCK(mode)
