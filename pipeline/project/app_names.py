"""Apps whose image is deployed, and that are named nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import Location, Problem
from ..model.image import UNNAMED
from .app_config import FILES, naming
from .image_file import read_image_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from ..model.image import Image
    from ..model.project import Project
    from ..reference import ImageName


def unnamed(project: Project) -> tuple[Image, ...]:
    """The app images without an app, in build order."""
    return tuple(i for i in project if i.deploy and i.deploy.pending == UNNAMED)


def name_file(image: Image) -> PurePosixPath:
    """The `fly.toml` that an app's name belongs into, relative to the root; it may not exist."""
    config = image.deploy.config if image.deploy else None
    return config or image.folder / FILES[0]


def no_name(root: Path, image: Image, profile: str) -> Problem:
    """An app without a name, at the file that should give it."""
    file = name_file(image)
    hint = (
        f"add `{naming(file.name, '…')}` to `{file}`, or `apps` under `[deploy]` in `image.toml`; "
        "`invoke apps --generate-name --save` makes a name and an app of it"
    )
    return Problem(_place(root, image, profile), "no app is named", hint)


def named(project: Project, names: Mapping[ImageName, str]) -> Project:
    """The project with a name for each of some unnamed apps."""
    images = tuple(_named(image, names[image.name]) if image.name in names else image
                   for image in project)  # fmt: skip
    return replace(project, images=images)


def _named(image: Image, name: str) -> Image:
    if image.deploy is None:
        return image
    return replace(image, deploy=replace(image.deploy, apps=(name,), pending=""))


def _place(root: Path, image: Image, profile: str) -> Location:
    if image.deploy and image.deploy.config:
        return Location(str(image.deploy.config))
    document, _ = read_image_document(root, image.folder, profile)
    return document.locate("deploy") if document else Location(str(image.folder))
