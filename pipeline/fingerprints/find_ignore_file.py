"""Find the ignore file of an image as BuildKit does, links included.

The frontend reads `<Dockerfile>.dockerignore` in the Dockerfile's folder, and if that cannot be
read `.dockerignore` in the context. A link is followed inside that folder only: an absolute target
starts at the folder, and `..` does not leave it. BuildKit ignores a link that leads to no file
there, without a message (`frontend/dockerui/config.go`, fsutil `followlinks.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..dockerignore.ignore_file import NOTHING, Ignore, parse_ignore
from ..errors import Location, Problem
from ..process.paths import below
from .context import Context
from .disk import Disk, FileType

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from ..model.image import Image

IGNORE_FILE = ".dockerignore"
_HINT = (
    "put the file itself there, or remove it; until then, what it should exclude (secrets, `.git`)"
    " may be in the image"
)


class IgnoreFile(Struct, frozen=True):
    """The patterns in force, and the file that has them.

    `path` is relative to the project's root; `None` means that no file is in force. `warnings` are
    about what has the name of an ignore file and is none.
    """

    ignore: Ignore = NOTHING
    path: PurePosixPath | None = None
    source: bytes = b""
    warnings: tuple[Problem, ...] = ()


def find_ignore_file(disk: Disk, root: Path, image: Image) -> IgnoreFile:
    """Return the ignore file of the Dockerfile of `image`, else that of its context, else none.

    Raises `ConfigError` if it cannot be read, or has a pattern that BuildKit refuses.
    """
    own = image.dockerfile.parent, f"{image.dockerfile.name}{IGNORE_FILE}"
    return _first(disk, root, (own, (image.context, IGNORE_FILE)))


def find_ignore_file_in(disk: Disk, root: Path, folder: PurePosixPath) -> IgnoreFile:
    """Return the ignore file of a folder, as BuildKit uses it for a named context."""
    return _first(disk, root, ((folder, IGNORE_FILE),))


def _first(disk: Disk, root: Path, files: tuple[tuple[PurePosixPath, str], ...]) -> IgnoreFile:
    """Return the first file that is read; each is given by its folder and its name."""
    warnings: list[Problem] = []
    for folder, name in files:
        context = Context(disk, below(root, folder), NOTHING)
        real = context.follow(name)
        if real is not None and context.file_type(real) is FileType.FILE:
            source = disk.read(context.path(real))
            path = folder / name
            ignore = parse_ignore(source, file=str(path))
            return IgnoreFile(ignore, path, source, tuple(warnings))
        if found := context.file_type(name):
            warnings.append(_not_read(folder / name, found))
    return IgnoreFile(warnings=tuple(warnings))


def _not_read(path: PurePosixPath, found: FileType) -> Problem:
    """Return the warning about something that BuildKit does not read as an ignore file."""
    what = {
        FileType.LINK: f"is a link that leads to no file below `{path.parent}`",
        FileType.DIRECTORY: "is a folder",
    }.get(found, "is not a file")
    message = f"`{path.name}` {what}: BuildKit does not read it, and it excludes nothing"
    return Problem(Location(str(path)), message, _HINT)
