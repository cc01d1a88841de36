"""Open files below a folder step by step, so that no link on the way leads out of it.

A path that was checked a moment ago may lead elsewhere now: a folder on the way can be exchanged
for a link. So each folder is opened relative to the open one that contains it, by its name alone
(`openat(2)` and its kin), and a link in place of a folder is refused.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
STEP = FOLDER | os.O_NOFOLLOW
_MOST = 64
"""Folders that are open at once: a process may have 256 on some systems."""


def descend(here: int, names: Iterable[str]) -> int:
    """Open the folder that `names` lead to from the open folder `here`, which is closed.

    Raises `OSError`, ELOOP or ENOTDIR for a link on the way.
    """
    for name in names:
        try:
            below = os.open(name, STEP, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


class Descent:
    """Open what is below `root`, which may itself be reached by links. For one thread.

    Paths are absolute strings; all methods raise `OSError`, ELOOP or ENOTDIR for a link on the way.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root).rstrip("/")  # nothing for one at `/`
        self._real = os.path.realpath(root).rstrip("/")
        self._starts: set[str] = set()
        self._real_paths: dict[str, str] = {}
        self._open: dict[str, int] = {}
        self._last = ("", -1)
        weakref.finalize(self, _close, self._open)

    def start_at(self, folder: str) -> None:
        """Follow links in the path of `folder`, the root of a context, if they stay below."""
        self._starts.add(folder)

    def stays_below(self, folder: str) -> bool:
        """Return whether the links in the path of `folder`, which need not exist, stay below."""
        return f"{self._real_path(folder)}/".startswith(f"{self._real}/")

    def open(self, path: str, flags: int) -> int:
        """Open the file at `path`; return its handle."""
        folder, _, name = path.rpartition("/")
        return os.open(name, flags, dir_fd=self._at(folder))

    def lstat(self, path: str) -> os.stat_result:
        """Return the status of what is at `path`, without following a link."""
        path = path.rstrip("/")
        if path == self._root or path in self._starts:
            return os.fstat(self._at(path))
        folder, _, name = path.rpartition("/")
        return os.stat(name, dir_fd=self._at(folder), follow_symlinks=False)

    def readlink(self, path: str) -> str:
        """Return the target of a link as it is written."""
        folder, _, name = path.rpartition("/")
        return os.readlink(name, dir_fd=self._at(folder))

    def folder(self, path: str) -> int:
        """Return the open folder at `path`, which is valid until the next call."""
        return self._at(path.rstrip("/"))

    def _at(self, path: str) -> int:
        last, handle = self._last
        if path == last and handle >= 0:
            return handle
        found = self._open.pop(path, None)
        if found is None:
            found = self._opened(path)
        self._keep(path, found)
        return found

    def _keep(self, path: str, handle: int) -> None:
        """Keep a folder open as the one that was used last."""
        self._open[path] = handle
        self._last = (path, handle)
        if len(self._open) > _MOST:
            oldest = next(iter(self._open))
            os.close(self._open.pop(oldest))

    def _opened(self, path: str) -> int:
        """Open a folder from the nearest one that is open."""
        if path == self._root:
            return os.open(path or "/", FOLDER)
        names: list[str] = []
        if path in self._starts:
            below = self._below(path)
            if path != "/".join((self._root, *below)):  # there are links on the way
                return descend(os.dup(self._at(self._root)), below)
            path, _, name = path.rpartition("/")
            names.append(name)
        while path not in self._open and path not in self._starts and path != self._root:
            path, slash, name = path.rpartition("/")
            names.append(name)
            if not slash:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        first = os.open(names.pop(), STEP, dir_fd=self._at(path))
        return descend(first, names[::-1])

    def _below(self, start: str) -> Sequence[str]:
        """Return the folders from the root to that of a context's root."""
        if not self.stays_below(start):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        below = self._real_path(start).removeprefix(self._real).strip("/")
        return below.split("/") if below else ()

    def _real_path(self, path: str) -> str:
        """Follow all links in a path, once. A folder is opened without links later."""
        found = self._real_paths.get(path)
        if found is None:
            folder, _, name = path.rpartition("/")
            if folder and name not in {".", ".."} and _is_no_link(path):
                # Most folders are beside others: the path to all of them is followed once.
                found = f"{self._followed(folder)}/{name}"
            else:
                found = _followed(path)
            self._real_paths[path] = found
        return found

    def _followed(self, folder: str) -> str:
        if folder not in self._real_paths:
            self._real_paths[folder] = _followed(folder)
        return self._real_paths[folder]


def _is_no_link(path: str) -> bool:
    """Return whether something is at `path`, and it is not a link."""
    try:
        return not stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _followed(path: str) -> str:
    return os.path.realpath(path).rstrip("/")


def _close(handles: dict[str, int]) -> None:
    for handle in handles.values():
        with suppress(OSError):
            os.close(handle)
