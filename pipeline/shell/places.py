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


def real_path(path: Path) -> Path:
    """Where a path leads when its links are followed; one that leads to itself is left in it.

    `Path.resolve` raises `RuntimeError` at such a link before Python 3.13.
    """
    return Path(os.path.realpath(path))
