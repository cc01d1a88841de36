"""Paths of the user's, relative to the project's root."""

from __future__ import annotations

from pathlib import PurePosixPath


def inside(path: PurePosixPath) -> PurePosixPath | None:
    """The path without `..`; `None` where it leaves the project.

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
    return None if path.is_absolute() else PurePosixPath(*parts)
