"""Read the Dockerfile of an image from where BuildKit reads it.

buildx sends the folder that contains it, and BuildKit follows a link inside of that folder only: an
absolute target starts at the folder, and `..` does not leave it (buildx `build/opt.go`, fsutil
`followlinks.go`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..dockerfile import parse
from ..dockerignore.ignore_file import NOTHING
from ..errors import ConfigError, Location, Problem
from ..fingerprints.context import Context
from ..fingerprints.disk import Disk, FileType
from ..process.paths import below, is_file, real_path
from ..process.read_file import MOST, FileError, read_file, unusable
from .result import Result

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from ..dockerfile import Dockerfile


def read_dockerfile(
    root: Path,
    path: PurePosixPath,
    folder: PurePosixPath,
    disk: Disk,
    location: Location | None = None,
) -> Result[Dockerfile]:
    """Read and parse the Dockerfile at `path`, which is relative to the project's `root`.

    `folder` is the image's; `location` is where the settings name the Dockerfile, if they do.
    """
    context = Context(disk, below(root, path.parent), NOTHING)
    try:
        real = context.follow(path.name)
        found = None if real is None else context.file_type(real)
        if real is None or found is None:
            return Result(None, (_not_there(root, path, folder, location),))
        if found is not FileType.FILE:
            what = "a folder" if found is FileType.DIRECTORY else "not a regular file"
            problem = Problem(Location(str(path)), f"`{path}` is {what}", "put a file in its place")
            return Result(None, (problem,))
        source = read_file(root, path.parent / real, most=MOST)
        if source is None:
            return Result(None, (_not_there(root, path, folder, location),))
        return Result(parse(source, file=str(path)))
    except (FileError, OSError) as error:
        failure = error if isinstance(error, FileError) else unusable(error)
        problem = Problem(Location(str(path)), f"`{path}` {failure.what}", failure.hint)
        return Result(None, (problem,))
    except ConfigError as error:
        return Result(None, error.problems)


def _not_there(
    root: Path, path: PurePosixPath, folder: PurePosixPath, location: Location | None
) -> Problem:
    if Disk(root).file_type(str(root / path)) is FileType.LINK:
        return _bad_link(root, path, folder)
    hint = "add it, or set `dockerfile` in `image.toml`"
    return Problem(location or Location(str(path)), f"there is no `{path}`", hint)


def _bad_link(root: Path, path: PurePosixPath, folder: PurePosixPath) -> Problem:
    """Describe a link that BuildKit cannot follow: to nothing, or out of its folder."""
    link, target = root / path, real_path(root / path)
    written = os.readlink(link)  # noqa: PTH115 - `Path.readlink` would tidy the target up
    if not is_file(target):
        message = f"`{path}` is a link to `{written}`, where there is no file"
        return Problem(Location(str(path)), message, "correct the link, or put a file in its place")
    message = f"`{path}` is a link to `{written}`: BuildKit does not follow it out of its folder"
    if not target.is_relative_to(root):
        return Problem(Location(str(path)), message, "put a copy of the file in its place")
    named = os.path.relpath(target, root / folder)
    hint = f'remove it, and write `dockerfile = "{named}"` in `{folder / "image.toml"}`'
    return Problem(Location(str(path)), message, hint)
