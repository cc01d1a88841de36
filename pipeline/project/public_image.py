"""Ready images: named in `image.toml` or `fly.toml`, deployed as they are and never built.

A folder without a Dockerfile whose `image.toml` has `image = "nginx:1.27"`, or whose `fly.toml` has
that in `[build]`, is an app image from any registry. Beside a Dockerfile, `image` of a `fly.toml`
overrides it, as in `fly deploy`, unless `image.toml` says how an image is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import Problem
from ..process.paths import is_there
from ..reference import ReferenceSyntaxError, parse_reference
from .build_source import FOR_BUILDS
from .result import Result

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from ..errors import Location
    from .build_source import BuildSource
    from .image_file import ImageFile

_HINT = "an image is named as in `nginx:1.27` or `ghcr.io/acme/web:1`"


class PublicImage(Struct, frozen=True):
    """A reference as written, and its location."""

    written: str
    location: Location


def public_image(root: Path, folder: PurePosixPath, source: BuildSource) -> Result[PublicImage]:
    """Return the image to deploy as it is; no value and no problem if the image is built."""
    file, named = source.file, source.image
    if file.image:
        built = is_there(root / folder / file.dockerfile)
        problems = _not_both(folder, file) if built else _for_builds(file)
        location = file.locate("image")
        return Result(
            PublicImage(file.image, location), (*problems, *_syntax(file.image, location))
        )
    if named:
        found = (*_syntax(named.value, named.location), *_for_builds(file))
        return Result(PublicImage(named.value, named.location), found)
    return Result(None)


def _syntax(image: str, location: Location) -> tuple[Problem, ...]:
    try:
        parse_reference(image)
    except ReferenceSyntaxError as error:
        return (Problem(location, str(error), _HINT),)
    return ()


def _not_both(folder: PurePosixPath, file: ImageFile) -> tuple[Problem, ...]:
    message = f"there is `{folder / file.dockerfile}` too: an image is either built or named"
    return (Problem(file.locate("image"), message, "remove one of the two"),)


def _for_builds(file: ImageFile) -> tuple[Problem, ...]:
    written = [key for key in FOR_BUILDS if file.document.has(key)]
    message = "`{}` is for an image that is built, and this one is deployed as it is"
    hint = "remove it, or add a Dockerfile instead of the image's name"
    return tuple(Problem(file.document.locate_key(k), message.format(k), hint) for k in written)
