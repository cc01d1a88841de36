"""The inputs of an image: all that goes into its fingerprint."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from ..errors import Location, Problem
    from ..reference import Digest, ImageName, Platform
    from .image import Triggers
    from .refresh import Refresh


class EntryKind(StrEnum):
    """The type of a path in a context."""

    FILE = "file"
    LINK = "link"
    DIRECTORY = "directory"


FileStat = tuple[int, int, int, int, int] | None
"""Device, inode, size, and when contents and status of a file changed, in nanoseconds.

`None` if that proves nothing: the file had changed only a moment ago.
"""


class ContextEntry(Struct, frozen=True):
    """One path of a context that the Dockerfile can read.

    `path` is relative to the context, with `/`. `sha256` (64 hex digits) is of a file's bytes;
    `link` is a symlink's target as it is written. A source of COPY that is a link is here as what
    it leads to, as in the image; `real` is then where that lies, empty for the context itself, and
    `None` for what lies at `path`. `mode` are a file's permission bits; `stat` proves that the file
    is still the same. None of the three is part of the value: entries that differ in nothing else
    are equal.
    """

    path: str
    kind: EntryKind
    executable: bool = False
    sha256: str = ""
    link: str = ""
    real: str | None = None
    mode: int = 0
    stat: FileStat = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContextEntry) and self._counts == other._counts

    def __hash__(self) -> int:
        return hash(self._counts)

    @property
    def _counts(self) -> tuple[str, EntryKind, bool, str, str]:
        return self.path, self.kind, self.executable, self.sha256, self.link


class Key(Struct, frozen=True):
    """sha256 of all inputs of an image except its test, as 64 hex digits."""

    hex: str

    def __str__(self) -> str:
        return self.hex


class Fingerprint(Struct, frozen=True):
    """The key of an image, or the sha256 of key and test; 64 hex digits."""

    hex: str

    def __str__(self) -> str:
        return self.hex

    @property
    def short(self) -> str:
        """The first 20 hex digits (80 bits), which go into the tag."""
        return self.hex[:20]


class ContextInputs(Struct, frozen=True):
    """What is read of a named context: its folder, and the rest as in `Inputs`."""

    path: PurePosixPath
    entries: tuple[ContextEntry, ...]
    whole_context: str = ""
    ignored: tuple[PurePosixPath, bytes] | None = None
    warnings: tuple[Problem, ...] = ()


class Inputs(Struct, frozen=True):
    """All that went into one fingerprint, for the task `inputs`.

    `key` is the sha256 of everything except `test`, the command that the image must pass; `bases`
    have keys. `whole_context` says why all of the context counts (empty: only what the Dockerfile
    reads). `floating` says in sentences what can change without the tag changing. `warnings` are
    about what the tag may hide: the image's own, and what its files show. `ignored` is the ignore
    file that applies: its path from the project's root, and its bytes. `origins` says where a value
    of the settings is written (see `Image`), and `dockerfile` is the Dockerfile's path from the
    root. `contexts` are the named contexts, by name; `triggers` the known ones of externals, by
    reference. `version` is that of the record, `source` the Dockerfile's bytes, `frontend` the
    image of its `# syntax=` line, `options` the settings of the build that change the image, and
    `salt` that of `image.toml`. `written` has the bases by the names that the Dockerfile uses, and
    `differing` the values of arguments that differ between platforms, in their sorted order.
    `refresh` is the period that the image is in, which is among the `options`.
    """

    name: ImageName
    key: Key
    fingerprint: Fingerprint
    entries: tuple[ContextEntry, ...]
    args: Mapping[str, str | None]
    target: str | None
    platforms: tuple[Platform, ...]
    bases: Mapping[ImageName, Key]
    externals: Mapping[str, Digest | None]
    test: tuple[str, ...] = ()
    whole_context: str = ""
    floating: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    ignored: tuple[PurePosixPath, bytes] | None = None
    dockerfile: PurePosixPath | None = None
    origins: Mapping[str, Location] = field(default_factory=dict)
    contexts: Mapping[str, ContextInputs] = field(default_factory=dict)
    triggers: Mapping[str, tuple[Triggers, ...]] = field(default_factory=dict)
    version: str = ""
    source: bytes = b""
    frontend: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    written: Mapping[str, ImageName] = field(default_factory=dict)
    differing: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    refresh: Refresh | None = None

    def __repr__(self) -> str:
        return f"<Inputs {self.name}: {self.fingerprint.short}, {len(self.entries)} paths>"
