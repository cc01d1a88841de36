"""The user's files: each folder is listed and each file hashed once in a run."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from ..errors import ConfigError, Location, Problem, WorkError, reason_of
from ..model.inputs import FileStat
from ..process.openat import Descent
from ..process.read_file import MOST, FileError, read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BLOCK = 1 << 18
_BITS = 0o7777
_OWNER_RUNS = stat.S_IXUSR
_sha256 = hashlib.sha256
# A file that had not changed for this long (in nanoseconds) when the run began is not being
# written: it is read once, with one `fstat`. The margin covers clocks with a coarse resolution.
_MARGIN = 2_000_000_000
# Without O_NONBLOCK, opening a FIFO that replaced a file would block for ever.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Errors of opening or reading a path that is not the listed regular file any more.
_SOMETHING_ELSE = frozenset(
    {
        errno.EAGAIN,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
    }
)
POINTER_HEADS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
    b"\0GITCRYPT\0",
)
"""First bytes of Git LFS pointers (once called Hawser) and of files encrypted by git-crypt."""
_AGAIN = "run again when nothing writes there"


class FileType(Enum):
    """The type of a file, links not followed."""

    FILE = 1
    LINK = 2
    DIRECTORY = 3
    SPECIAL = 4


FileFacts = tuple[bool, str, int, FileStat]
"""What the fingerprint takes of a file (whether its owner may execute it, its sha256), then its
permission bits, and its state to recognize it by.
"""


class Listing(Struct, frozen=True):
    """The contents of a folder, unordered: the names of its regular files, and all else."""

    files: list[str]
    others: list[tuple[str, FileType]]

    @property
    def names(self) -> list[str]:
        """All names."""
        return [*self.files, *(name for name, _ in self.others)]


class Disk:
    """Reads files below `root`, which error messages leave out of paths.

    Paths are absolute strings as `os.scandir` returns them: a byte that is not UTF-8 is a
    surrogate. Raises `ConfigError` for what cannot be read, `WorkError` for what changes meanwhile.
    `heads` has the first bytes of files that may be placeholders (`fingerprints.context_warnings`).
    `way` opens everything but configuration: no link on the path leads out of `root`.
    """

    def __init__(self, root: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self._project = root
        self._root = f"{root}/"
        self.way = Descent(root)
        self._quiet = clock() - _MARGIN
        self._types: dict[str, FileType | None] = {}
        self._folders: dict[str, Listing] = {}
        self._files: dict[str, FileFacts] = {}
        self._links: dict[str, str] = {}
        self._contents: dict[str, bytes] = {}
        self.heads: dict[str, bytes] = {}
        self.patterns: dict[str, tuple[str, ...]] = {}
        """What Git ignores in a folder, as `unnamed_files` found it for another image."""

    def file_type(self, path: str) -> FileType | None:
        """Return the type of the file at `path`; `None` if there is none."""
        if path not in self._types:
            self._types[path] = self._look(path)
        return self._types[path]

    def folder(self, path: str) -> Listing:
        """Return the contents of a folder, whose path may end with a slash."""
        name = path.rstrip("/")
        found = self._folders.get(name)
        if found is None:
            found = self._folders[name] = self._list(path)
        return found

    def file(self, path: str) -> FileFacts:
        """Return a regular file's facts."""
        facts = self._files.get(path)
        if facts is None:
            facts = self._files[path] = self._read(path)
        return facts

    def read(self, path: str) -> bytes:
        """Return the contents of a regular file of the project, the same at each call."""
        if path not in self._contents:
            try:
                content = read_file(self._project, path, most=MOST)
            except FileError as error:
                location, what = Location(self.shown(path)), f"this file {error.what}"
                raise ConfigError([Problem(location, what, error.hint)]) from None
            if content is None:
                raise self._changed(path)
            self._contents[path] = content
        return self._contents[path]

    def link(self, path: str) -> str:
        """Return a symlink's target as it is written."""
        if path not in self._links:
            try:
                self._links[path] = self.way.readlink(path)
            except OSError as error:
                self._fail(path, error)
        return self._links[path]

    def shown(self, path: str) -> str:
        """Return `path` for messages: relative to the root, bytes that are not UTF-8 escaped."""
        return os.fsencode(path.removeprefix(self._root)).decode("utf-8", "backslashreplace")

    def _look(self, path: str) -> FileType | None:
        try:
            mode = self.way.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            if "\0" in path:  # no file's name can hold one
                return None
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:  # a folder on the path is a link to itself
                return None
            self._fail(path, error)
        kinds = {
            stat.S_IFREG: FileType.FILE,
            stat.S_IFLNK: FileType.LINK,
            stat.S_IFDIR: FileType.DIRECTORY,
        }
        return kinds.get(stat.S_IFMT(mode), FileType.SPECIAL)

    def _list(self, path: str) -> Listing:
        listing = Listing([], [])
        try:
            with os.scandir(self.way.folder(path)) as found:
                for entry in found:
                    if entry.is_file(follow_symlinks=False):
                        listing.files.append(entry.name)
                    else:
                        listing.others.append((entry.name, _node(entry)))
        except OSError as error:
            self._fail(path, error)
        return listing

    def _read(self, path: str) -> FileFacts:
        try:
            handle = self.way.open(path, FLAGS)
        except OSError as error:
            self._fail(path, error)
        try:
            # Before it is read: a later copy that finds the same state has these bytes, even if
            # the clock was set back, so that a new file seems old.
            found = os.fstat(handle)
            # One byte more than it has: a new buffer of the largest size takes as long as hashing.
            data = os.read(handle, min(found.st_size + 1, _BLOCK))
            if data.startswith(POINTER_HEADS):
                self.heads[path] = data
            if len(data) != found.st_size or found.st_ctime_ns > self._quiet:
                return self._read_watched(path, handle)
        except OSError as error:
            self._fail(path, error)
        finally:
            os.close(handle)
        mode = found.st_mode
        return mode & _OWNER_RUNS != 0, _sha256(data).hexdigest(), mode & _BITS, file_stat(found)

    def _read_watched(self, path: str, handle: int) -> FileFacts:
        """Read a file that is large, or that may be changing at this moment."""
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise self._changed(path)
        digest, size = hash_of(handle)
        after = os.fstat(handle)
        if size != before.st_size or _moment(before) != _moment(after):
            raise self._changed(path)
        mode = before.st_mode
        # A file written a moment ago may be written again within the same tick of the clock.
        known = file_stat(before) if before.st_ctime_ns <= self._quiet else None
        return mode & _OWNER_RUNS != 0, digest, mode & _BITS, known

    def _changed(self, path: str) -> WorkError:
        return WorkError(f"`{self.shown(path)}` changed while it was read", hint=_AGAIN)

    def _fail(self, path: str, error: OSError) -> NoReturn:
        if error.errno in _SOMETHING_ELSE:
            raise self._changed(path) from error
        problem = Problem(
            Location(self.shown(path)),
            f"cannot be read: {reason_of(error)}",
            "give yourself permission to read it, or name it in the ignore file",
        )
        raise ConfigError([problem]) from error


def file_stat(found: os.stat_result) -> FileStat:
    """Return what a file is recognized by: it changes whenever its contents or status do."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _node(entry: os.DirEntry[str]) -> FileType:
    if entry.is_symlink():
        return FileType.LINK
    return FileType.DIRECTORY if entry.is_dir(follow_symlinks=False) else FileType.SPECIAL


def hash_of(handle: int) -> tuple[str, int]:
    """Return the digest of all bytes of an open file, and their number."""
    digest = hashlib.sha256()
    size = 0
    while data := os.pread(handle, _BLOCK, size):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def _moment(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode
