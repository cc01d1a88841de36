"""Copy the files that are in the fingerprints, for BuildKit to read, and no others.

A file may change between its hashing and BuildKit's read. So each file is compared with its
fingerprint while it is copied, and the build cannot see anything but the copy.

BuildKit does not request a file again if it has seen its size and modification time under its name
before (fsutil's `diff_containerd.go`). A file with other bytes and the same time would be built
with the bytes it had before. So a copy has its file's time to the second, and below the second
digits of the sha256 of its contents: other bytes always have another time. Images do not depend on
it: BuildKit's keys contain no times, and its layers only whole seconds.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..dockerignore.ignore_file import NOTHING
from ..errors import PipelineError, UnknownError, WorkError, machine_error, reason_of
from ..model.inputs import EntryKind
from ..process.cleanup import private_folder
from ..process.paths import real_path
from .context import Context
from .disk import FLAGS, Disk, file_stat, hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from ..model.image import Image
    from ..model.inputs import ContextEntry, Inputs

_BLOCK, _MUCH = 1 << 20, 1 << 30
_SECOND = 10**9
_ODD_NANOSECONDS = 123_456_700
_BITS = 0o7777
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CAPABILITY = "security.capability"
"""The only extended attribute of a file that COPY keeps and that matters in a container."""


class ChangedError(WorkError):
    """A file differs from what its fingerprint was computed from."""


@contextmanager
def snapshot(root: Path, environ: Mapping[str, str]) -> Iterator[Snapshot]:
    """Create an empty snapshot of the project at `root`, and remove it at the end.

    Raises `UnknownError` if no folder on a file system with exact times can be made.
    """
    with private_folder("files", environ, roomy=True) as folder:
        _require_exact_times(folder)
        yield Snapshot(root, folder / (root.name or "root"))


class Snapshot:
    """A copy of files of a project below `folder`, each at its path in the project.

    Links on the way to a context are left out: a context is at its real path. What two images read
    is copied once.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = real_path(root)
        self._start = str(self.root).rstrip("/")  # nothing for a project at `/`
        self._folder = folder
        self._disk = Disk(self.root)
        self._done: dict[str, str] = {}
        self._folders: dict[str, os.stat_result] = {}

    def add(self, image: Image, inputs: Inputs) -> None:
        """Copy what an image reads.

        Raises `ChangedError` if that has changed since `inputs` were found, and `UnknownError` if
        there is no room for the copy.
        """
        try:
            self._add(image, inputs)
        except OSError as error:
            reason = reason_of(error)
            message = f"the files of `{image.name}` cannot be copied to `{self._folder}`: {reason}"
            raise UnknownError(message, hint="make room there, or set TMPDIR") from error

    def settle(self) -> None:
        """Give the folders the modes and times of the originals, after everything is copied."""
        for path in sorted(self._folders, reverse=True):
            known = self._folders[path]
            os.chmod(path, known.st_mode & _BITS)  # noqa: PTH101 - `path` is a string, of bytes too
            os.utime(path, ns=(known.st_mtime_ns, known.st_mtime_ns))

    def copy_of(self, folder: PurePosixPath) -> str:
        """Return where a folder of the project is in the snapshot."""
        return str(self._folder / self._real(folder))

    def _add(self, image: Image, inputs: Inputs) -> None:
        self._entries(image.context, inputs.entries)
        self._text(image.dockerfile, image.source.source)
        if inputs.ignored:
            self._text(*inputs.ignored)
        for context in inputs.contexts.values():
            self._entries(context.path, context.entries)
            if context.ignored:
                self._text(*context.ignored)

    def _entries(self, folder: PurePosixPath, entries: Iterable[ContextEntry]) -> None:
        """Copy paths of a context."""
        context = self._open(folder)
        self._folder_at(context.path("").rstrip("/"))
        for entry in entries:
            real = self._followed(context, entry)
            self._entry(context.path(real).rstrip("/"), entry)

    def _followed(self, context: Context, entry: ContextEntry) -> str:
        """Return the real path of an entry, and copy the links that lead there."""
        if entry.real is None:
            return entry.path
        head, tail = entry.path, ""
        if entry.kind is EntryKind.LINK:
            head, _, tail = entry.path.rpartition("/")
        real = self._trail(context, head)
        found = "/".join(part for part in (real, tail) if part)
        if found != entry.real:
            raise self._changed(context.path(entry.path))
        return found

    def _trail(self, context: Context, shown: str) -> str | None:
        trail = context.trail(shown)
        for link in trail.links:
            path = context.path(link)
            self._link(path, context.disk.link(path))
        return trail.real

    def _entry(self, path: str, entry: ContextEntry) -> None:
        match entry.kind:
            case EntryKind.FILE:
                self._file(path, entry)
            case EntryKind.LINK:
                self._link(path, entry.link)
            case EntryKind.DIRECTORY:
                self._folder_at(path)

    def _file(self, path: str, entry: ContextEntry) -> None:
        what = f"{entry.sha256} {entry.executable}"
        if self._is_done(path, what):
            return
        try:
            source = self._disk.way.open(path, FLAGS)
        except OSError as error:
            raise self._lost(path, error) from error
        try:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode) or _runs(found) is not entry.executable:
                raise self._changed(path)
            self._copy(source, path, found, entry)
        finally:
            os.close(source)
        self._done[path] = what

    def _copy(self, source: int, path: str, found: os.stat_result, entry: ContextEntry) -> None:
        mirrored = self._mirrored(path)
        target = os.open(mirrored, _NEW, 0o600)
        try:
            if not _copied(source, target, entry):
                os.unlink(mirrored)  # noqa: PTH108 - `mirrored` is a string, of bytes too
                raise self._changed(path)
            os.fchmod(target, found.st_mode & _BITS)
            _keep_capabilities(source, target)
            _date(target, found, entry.sha256)
        finally:
            os.close(target)

    def _text(self, path: PurePosixPath, content: bytes) -> None:
        """Write a file that was read beside the context: a Dockerfile, an ignore file."""
        context = self._open(path.parent)
        real = self._trail(context, path.name)
        context_path = context.path(real or path.name)
        try:
            found = self._disk.way.lstat(context_path)
        except OSError as error:
            raise self._lost(context_path, error) from error
        sha256 = hashlib.sha256(content).hexdigest()
        what = f"{sha256} {_runs(found)}"
        if self._is_done(context_path, what):
            return
        target = os.open(self._mirrored(context_path), _NEW, 0o600)
        try:
            _write(target, content)
            os.fchmod(target, found.st_mode & _BITS)
            _date(target, found, sha256)
        finally:
            os.close(target)
        self._done[context_path] = what

    def _link(self, path: str, target: str) -> None:
        what = f"-> {target}"
        if self._is_done(path, what):
            return
        try:
            now, found = self._disk.way.readlink(path), self._disk.way.lstat(path)
        except OSError as error:
            raise self._lost(path, error) from error
        if now != target:
            raise self._changed(path)
        mirrored = self._mirrored(path)
        os.symlink(target, mirrored)  # noqa: PTH211 - `target` is kept as it is written
        os.utime(mirrored, ns=(found.st_mtime_ns, found.st_mtime_ns), follow_symlinks=False)
        self._done[path] = what

    def _folder_at(self, path: str) -> None:
        """Create a folder and its parents up to the project's root."""
        mirrored = self._mirror(path)
        if mirrored in self._folders:
            return
        if path != self._start:
            self._folder_at(path.rpartition("/")[0])
        try:
            found = os.fstat(self._disk.way.folder(path))
        except OSError as error:
            raise self._lost(path, error) from error
        os.mkdir(mirrored, 0o700)  # noqa: PTH102
        self._folders[mirrored] = found

    def _is_done(self, path: str, what: str) -> bool:
        """Return whether the path is copied already; it must have been the same then."""
        before = self._done.get(path)
        if before not in {None, what}:
            raise self._changed(path)
        return before is not None

    def _mirrored(self, path: str) -> str:
        """Return a path in the snapshot, after creating the folder that it is in."""
        self._folder_at(path.rpartition("/")[0])
        return self._mirror(path)

    def _mirror(self, path: str) -> str:
        return f"{self._folder}{path.removeprefix(self._start)}"

    def _open(self, folder: PurePosixPath) -> Context:
        return Context(self._disk, str(self.root / self._real(folder)).rstrip("/"), NOTHING)

    def _real(self, folder: PurePosixPath) -> Path:
        real = real_path(self.root / folder)
        if not real.is_relative_to(self.root):
            raise self._changed(str(self.root / folder))
        return real.relative_to(self.root)

    def _lost(self, path: str, error: OSError) -> PipelineError:
        """Return the error for something that cannot be read: it changed, or the machine fails."""
        return machine_error(error) or self._changed(path)

    def _changed(self, path: str) -> ChangedError:
        message = f"`{self._disk.shown(path)}` changed while it was built"
        return ChangedError(message, hint="run again when nothing writes there")


def _copied(source: int, target: int, entry: ContextEntry) -> bool:
    """Copy the bytes of an open file; return whether they are those of the entry.

    A file with the same status before and after has not been written since it was hashed; of any
    other file, the copy is hashed.
    """
    before = file_stat(os.fstat(source))
    _pour(source, target)
    if before == entry.stat == file_stat(os.fstat(source)):
        return True
    return hash_of(target)[0] == entry.sha256


def _pour(source: int, target: int) -> None:
    """Copy all of an open file, by the file system itself if it can."""
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            while os.copy_file_range(source, target, _MUCH):
                pass
    # The rest, if the kernel cannot copy between the two (`copy_file_range(2)`).
    while data := os.read(source, _BLOCK):
        _write(target, data)


def _keep_capabilities(source: int, target: int) -> None:
    """Copy capabilities. Most files have none, and some systems do not know them."""
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(target, _CAPABILITY, os.getxattr(source, _CAPABILITY))


def _write(target: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def _date(target: int, found: os.stat_result, sha256: str) -> None:
    """Give a copy the time of its file, with digits of its contents below the second."""
    moment = found.st_mtime_ns // _SECOND * _SECOND + int(sha256[:16], 16) % _SECOND
    os.utime(target, ns=(moment, moment))


def _require_exact_times(folder: Path) -> None:
    """Raise `UnknownError` if the file system drops what `_date` puts below the second.

    ext3, ext4 with inodes of 128 bytes and HFS+ keep whole seconds, FAT two of them, exFAT
    hundredths. NTFS keeps 100 nanoseconds, which is enough.
    """
    moment = _SECOND + _ODD_NANOSECONDS
    os.utime(folder, ns=(moment, moment))
    if folder.stat().st_mtime_ns // 100 != moment // 100:
        message = f"files cannot be copied to `{folder.parent}`: it keeps no exact file times"
        why = "BuildKit tells changed files by their times, and would build old contents"
        raise UnknownError(message, hint=f"set TMPDIR to a folder on another file system; {why}")


def _runs(found: os.stat_result) -> bool:
    return bool(found.st_mode & stat.S_IXUSR)
