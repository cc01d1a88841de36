"""Read files of the project: regular ones, of bounded size, inside the project.

Who sends a pull request writes the project's files, and Git stores links. A link out of the project
would bring another file of the machine into what is built or deployed; a FIFO or an endless file
would block us for ever. None of these is opened. If one takes the place of a file after it was
checked, `O_NONBLOCK` and a second check of the open file help.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..errors import reason_of

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

SETTINGS = 1 << 20
"""The most bytes of a settings file."""
MOST = 16 << 20
"""The most bytes of any other file: BuildKit sends a frontend no larger messages (buildkit
`frontend/gateway/grpcclient/client.go`, containerd `defaults`)."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_NO_FILE = frozenset({errno.ENOENT})
_NOWHERE = _NO_FILE | {errno.ENOTDIR, errno.ELOOP}
_OUTSIDE = "lies outside the project"
_INSIDE = "put a copy of the file in its place: only files of the project are read"
_WHOLE = "is this the file that is meant?"


class FileError(Exception):
    """A file cannot be read or written; `what` goes after its name in a sentence."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class OutsideError(FileError):
    """A path leads out of the project."""


def read_file(
    root: Path, file: PurePosixPath | str, kind: str = "", most: int = SETTINGS
) -> bytes | None:
    """Read a file of the project at `root`; `None` where there is none.

    Links that stay inside the project are followed. `kind` is what is expected: `a TOML file`.
    Raises `FileError` for what is not a file or has more than `most` bytes, and `OutsideError`.
    """
    return _read(os.path.join(root, file), str(root), kind, most)  # noqa: PTH118 - much faster


def read_own(path: Path, most: int = MOST) -> bytes | None:
    """Read a file of the user, following all links; `None` where there is none.

    Raises `FileError`.
    """
    return _read(str(path), "", "", most)


def _read(path: str, root: str, kind: str, most: int) -> bytes | None:
    link = False
    try:
        found = os.lstat(path)
        if link := stat.S_ISLNK(found.st_mode):
            found = os.stat(path)  # noqa: PTH116 - much faster
        _check(found, kind, most)
        handle = os.open(path, _FLAGS)
    except OSError as error:
        _refuse_unless_missing(error, _NOWHERE if root else _NO_FILE, link=link)
        if root and not os.path.normpath(path).startswith(f"{root.rstrip('/')}/"):
            raise OutsideError(_OUTSIDE, _INSIDE) from None
        return None
    except ValueError:
        raise FileError("is not a path", "a path cannot contain NUL") from None
    try:
        found = os.fstat(handle)
        _check(found, kind, most)
        if root:
            _check_inside(handle, path, root)
        return _content(handle, found.st_size, most)
    except OSError as error:
        raise unusable(error) from None
    finally:
        os.close(handle)


def unusable(error: OSError, verb: str = "read") -> FileError:
    """Return the error for a refusal of the operating system."""
    return FileError(f"cannot be {verb}: {reason_of(error)}", "check its permissions")


def _refuse_unless_missing(error: OSError, missing: frozenset[int], *, link: bool) -> None:
    """Raise `FileError` unless the path just does not exist."""
    if error.errno not in missing:
        raise unusable(error) from None
    if missing is _NOWHERE and link:
        raise FileError("is a link to nothing", "correct or remove it")


def _check(found: os.stat_result, kind: str, most: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        expected = f", where {kind} is expected" if kind else ""
        raise FileError(f"is {what}{expected}", "rename it")
    if found.st_size > most:
        raise _too_large(most)


def _too_large(most: int) -> FileError:
    return FileError(f"has more than {most >> 20} MiB, and is not read", _WHOLE)


def _check_inside(handle: int, path: str, root: str) -> None:
    """Check that an open file is inside `root`, whatever its path was when it was checked."""
    real = _place_of(handle, path)
    if real.startswith(f"{root.rstrip('/')}/"):
        return
    if not real.startswith(f"{os.path.realpath(root).rstrip('/')}/"):
        raise OutsideError(_OUTSIDE, _INSIDE)


def _place_of(handle: int, path: str) -> str:
    """Return the path of an open file, without links."""
    try:
        return os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115 - no tidying up
    except OSError:  # no Linux: the path, if it still leads to that file
        real = os.path.realpath(path)
        if not os.path.samestat(os.stat(real), os.fstat(handle)):  # noqa: PTH116
            raise FileError("changed while it was read", "run it again") from None
        return real


def _content(handle: int, size: int, most: int) -> bytes:
    """Read an open file; it may have grown since it was checked, and is still bounded."""
    parts = [os.read(handle, size + 1)]
    total = len(parts[0])
    while parts[-1] and total != size:
        parts.append(os.read(handle, 1 << 20))
        total += len(parts[-1])
        if total > most:
            raise _too_large(most)
    return b"".join(parts)
