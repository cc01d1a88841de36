"""Paths of the user's: what is there, where links lead, the home folder."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def inside(path: PurePosixPath) -> PurePosixPath | None:
    """Resolve the `..` in a path of the project; `None` for one that cannot be inside of it.

    >>> inside(PurePosixPath("images/web/../../libs")), inside(PurePosixPath("images/../.."))
    (PurePosixPath('libs'), None)
    """
    impossible = path.is_absolute() or "\0" in str(path)
    if ".." not in path.parts:
        return None if impossible else path
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return None if impossible else PurePosixPath(*parts)


def is_folder(path: Path | str) -> bool:
    """Return whether a path is a folder; false for one that is too long or may not be looked at.

    `Path.is_dir` raises an error for such before Python 3.14, as do `is_file` and `exists`.
    """
    return os.path.isdir(path)  # noqa: PTH112 - and it takes strings


def is_file(path: Path) -> bool:
    """Return whether a path is a file, as `is_folder` does."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Return whether a path exists, as `is_folder` does."""
    try:
        return path.exists()
    except OSError:
        return False


def has(root: Path, path: PurePosixPath | str) -> bool:
    """Return whether `path` below `root` exists, even as a link to nothing."""
    try:
        os.lstat(f"{root}/{path}")
    except (OSError, ValueError):
        return False
    return True


def below(root: Path, path: PurePosixPath) -> str:
    """Return `root / path` as a string, in a fifth of the time.

    >>> below(Path("/project"), PurePosixPath("images/web")), below(Path("/"), PurePosixPath("."))
    ('/project/images/web', '/')
    """
    above, text = str(root), str(path)
    if text == ".":
        return above
    plain = above != "/" and not text.startswith("/")
    return f"{above}/{text}" if plain else os.path.join(above, text)  # noqa: PTH118


def real_path(path: Path) -> Path:
    """Follow all links in a path; one that leads to itself stays in it.

    `Path.resolve` raises `RuntimeError` at such a link before Python 3.13.
    """
    return Path(os.path.realpath(path))


def home(environ: Mapping[str, str]) -> Path:
    """Return the home folder: `HOME`, else the user's in `/etc/passwd`, else `/`.

    A user without an entry there is common in containers.
    """
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def shown(path: Path, environ: Mapping[str, str]) -> str:
    """Write a path for people: `~/.docker/config.json`."""
    mine = home(environ)
    if mine == Path("/") or not path.is_relative_to(mine):
        return str(path)
    return f"~/{path.relative_to(mine).as_posix()}"
