"""Write files of the project atomically, and only inside of it.

The content goes to a new file beside the old one, which is then renamed over it: a reader sees one
or the other, and a full disk leaves the old one. Folders are opened one by one and no link is
followed, as a path may lead elsewhere since it was checked. A new file that a killed run left is
removed by the next run, as its lock ended with its process.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .openat import STEP, descend
from .read_file import FileError, OutsideError, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import PurePosixPath

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BITS = 0o777
_DRAFT = re.compile(r"\.pipeline-[0-9a-f]{16}\.new")


def write_file(root: Path, file: PurePosixPath, content: bytes) -> None:
    """Write a file of the project at `root`; its permissions stay as they are.

    A link that stays inside the project is followed. Raises `FileError` for one that does not, and
    where the file cannot be written.
    """
    real, target = os.path.realpath(root), os.path.realpath(root / file)
    if not target.startswith(f"{real.rstrip('/')}/"):
        hint = "put a file in place of the link: only files of the project are written"
        raise OutsideError("leads out of the project", hint)
    below = Path(target).relative_to(real)
    try:
        with _folder(real, below.parent.parts) as folder:
            replace_file(folder, below.name, content)
    except OSError as error:
        raise unusable(error, "written") from None


def replace_file(
    folder: int,
    name: str,
    content: bytes,
    mode: int | None = None,
    still: Callable[[], bool] = lambda: True,
) -> bool:
    """Replace the file `name` in an open folder; return whether it was replaced.

    It is not if `still` returns false right before. Without `mode`, the permissions stay as they
    are. Raises `OSError`, and `FileError` for what is not a file.
    """
    kept = _mode(folder, name) if mode is None else mode
    _sweep(folder)
    draft, handle = _draft(folder, 0o666 if kept is None else 0o600)
    try:
        with open(handle, "wb", closefd=False) as out:
            if kept is not None:
                os.fchmod(handle, kept)
            out.write(content)
            out.flush()
            os.fsync(handle)
        if not still():
            os.unlink(draft, dir_fd=folder)
            return False
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise
    finally:
        os.close(handle)  # not before, as its lock keeps other runs from removing the new file
    return True


def _draft(folder: int, mode: int) -> tuple[str, int]:
    """Make a new file in a folder; return its name, and a handle that holds its lock."""
    while True:
        name = f".pipeline-{secrets.token_hex(8)}.new"
        handle = os.open(name, _NEW, mode, dir_fd=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another run removes it before it was locked
            os.close(handle)
            continue
        except OSError:  # a file system without locks, where nothing is removed
            return name, handle
        if os.fstat(handle).st_nlink:
            return name, handle
        os.close(handle)


def _sweep(folder: int) -> None:
    """Remove what killed runs left: new files that nobody has locked."""
    for name in filter(_DRAFT.fullmatch, os.listdir(folder)):
        with suppress(OSError):
            if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                _remove_unless_held(folder, name)


def _remove_unless_held(folder: int, name: str) -> None:
    handle = os.open(name, _OLD, dir_fd=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(handle)


@contextmanager
def _folder(root: str, parts: tuple[str, ...]) -> Iterator[int]:
    """Open a folder below `root`, step by step."""
    handle = descend(os.open(root, STEP), parts)
    try:
        yield handle
    finally:
        os.close(handle)


def _mode(folder: int, name: str) -> int | None:
    """Return the permissions of a file; `None` where there is none.

    Raises `FileError` for what is not a file.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise FileError(f"is {what}, and cannot be written", "remove it, or rename it")
    return stat.S_IMODE(found.st_mode) & _BITS
