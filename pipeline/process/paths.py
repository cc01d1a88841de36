"""Paths of the user's, most of them relative to the project's root."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def inside(path: PurePosixPath) -> PurePosixPath | None:
    """The path without `..`; `None` where it leaves the project, or can be in none.

    >>> inside(PurePosixPath("images/web/../../libs")), inside(PurePosixPath("images/../.."))
    (PurePosixPath('libs'), None)
    """
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    impossible = path.is_absolute() or "\0" in str(path)
    return None if impossible else PurePosixPath(*parts)


def is_folder(path: Path) -> bool:
    """Whether there is a folder; what nobody can look at is none, a name that is too long too.

    `Path.is_dir` raises an error for such before Python 3.14, and so do `is_file` and `exists`.
    """
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """The same of a file."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """The same of anything."""
    try:
        return path.exists()
    except OSError:
        return False


def real_path(path: Path) -> Path:
    """Where a path leads when its links are followed; one that leads to itself is left in it.

    `Path.resolve` raises `RuntimeError` at such a link before Python 3.13.
    """
    return Path(os.path.realpath(path))
