"""Find the ignore file of an image as BuildKit does, links included.

The frontend asks for `<Dockerfile>.dockerignore` in the folder that the Dockerfile lies in, and if
that cannot be read for `.dockerignore` in the context. A link is followed inside of that folder
alone: an absolute target starts at the folder, and `..` does not leave it. One that leads to no
file there is passed over without a word (`frontend/dockerui/config.go`, fsutil `followlinks.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..dockerignore.ignore_file import NOTHING, Ignore, parse_ignore
from ..errors import Location, Problem
from .context import Context
from .disk import Disk, FileType

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from ..model.image import Image

IGNORE_FILE = ".dockerignore"
_HINT = (
    "put the file itself there, or remove it; until then, what it was to keep out (secrets, `.git`)"
    " may be in the image"
)


class IgnoreFile(Struct, frozen=True):
    """The patterns in force, and the file that has them.

    `path` is from the project's root; without one, none is in force. `warnings` are about those
    that look like one and are none.
    """

    ignore: Ignore = NOTHING
    path: PurePosixPath | None = None
    source: bytes = b""
    warnings: tuple[Problem, ...] = ()


def find_ignore_file(disk: Disk, root: Path, image: Image) -> IgnoreFile:
    """The ignore file of the Dockerfile of `image`, else that of its context, else none.

    Raises `ConfigError` for one that cannot be read, or has a pattern that BuildKit refuses.
    """
    own = image.dockerfile.with_name(f"{image.dockerfile.name}{IGNORE_FILE}")
    return _first(disk, root, (own, image.context / IGNORE_FILE))


def find_ignore_file_in(disk: Disk, root: Path, folder: PurePosixPath) -> IgnoreFile:
    """The ignore file in a folder of the project alone, as a named context has it."""
    return _first(disk, root, (folder / IGNORE_FILE,))


def _first(disk: Disk, root: Path, paths: tuple[PurePosixPath, ...]) -> IgnoreFile:
    warnings: list[Problem] = []
    for path in paths:
        context = Context(disk, str(root / path.parent), NOTHING)
        real = context.follow(path.name)
        if real is not None and context.file_type(real) is FileType.FILE:
            source = disk.read(context.path(real))
            ignore = parse_ignore(source, file=str(path))
            return IgnoreFile(ignore, path, source, tuple(warnings))
        if found := context.file_type(path.name):
            warnings.append(_astray(path, found))
    return IgnoreFile(warnings=tuple(warnings))


def _astray(path: PurePosixPath, found: FileType) -> Problem:
    """What is said of an ignore file that BuildKit passes over."""
    what = {
        FileType.LINK: f"is a link that leads to no file below `{path.parent}`",
        FileType.DIRECTORY: "is a folder",
    }.get(found, "is no file")
    message = f"`{path.name}` {what}: BuildKit does not read it, and it hides nothing"
    return Problem(Location(str(path)), message, _HINT)
