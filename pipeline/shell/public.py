"""Images that are deployed as they are: named in `image.toml` or `fly.toml`, and never built.

A folder without a Dockerfile whose `image.toml` has `image = "nginx:1.27"`, or whose `fly.toml` has
that in `[build]`, is an app image from any registry. Where there is a Dockerfile it is built, and
what `fly.toml` says is not looked at: `fly deploy` would be given the built image anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.core.reference import ReferenceSyntaxError, parse_reference
from pipeline.errors import Problem
from pipeline.shell.config.image_file import IMAGE_FILE
from pipeline.shell.config.loaded import Loaded

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from pipeline.errors import Location
    from pipeline.shell.app_configs import AppConfigs
    from pipeline.shell.config.image_file import ImageFile

_FOR_BUILDS = (
    "context",
    "dockerfile",
    "target",
    "platforms",
    "aliases",
    "args",
    "secrets",
    "ssh",
    "salt",
    "bases",
    "test",
)
_HINT = "an image is named as in `nginx:1.27` or `ghcr.io/acme/web:1`"


class Public(NamedTuple):
    """A reference as it is `written` in `file`, which is relative to the project's root."""

    written: str
    file: PurePosixPath


def public_image(
    root: Path, folder: PurePosixPath, file: ImageFile, configs: AppConfigs
) -> Loaded[Public]:
    """What is deployed as it is; neither a value nor a problem where the image is built."""
    built = (root / folder / file.dockerfile).exists()
    if file.image:
        problems = _not_both(folder, file) if built else _for_builds(file)
        found = (*problems, *_syntax(file.image, file.locate("image")))
        return Loaded(Public(file.image, folder / IMAGE_FILE), found)
    return Loaded(None) if built else _in_fly_toml(file, configs)


def _in_fly_toml(file: ImageFile, configs: AppConfigs) -> Loaded[Public]:
    for config in configs:
        match config.document.data:
            case {"build": {"image": str(image)}} if image:
                problems = _syntax(image, config.document.locate("build", "image"))
                return Loaded(Public(image, config.file), (*problems, *_for_builds(file)))
    return Loaded(None)


def _syntax(image: str, place: Location) -> tuple[Problem, ...]:
    try:
        parse_reference(image)
    except ReferenceSyntaxError as error:
        return (Problem(place, str(error), _HINT),)
    return ()


def _not_both(folder: PurePosixPath, file: ImageFile) -> tuple[Problem, ...]:
    message = f"there is `{folder / file.dockerfile}` too: an image is built, or named"
    return (Problem(file.locate("image"), message, "remove one of the two"),)


def _for_builds(file: ImageFile) -> tuple[Problem, ...]:
    written = [key for key in _FOR_BUILDS if file.document.has(key)]
    message = "`{}` is for an image that is built, and this one is deployed as it is"
    hint = "take it out, or add a Dockerfile in place of the image's name"
    return tuple(Problem(file.document.locate_key(k), message.format(k), hint) for k in written)
