"""Apps whose image is deployed, and that are named nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.core.model import UNNAMED
from pipeline.errors import Location, Problem
from pipeline.shell.app_clashes import IMAGE_FILE
from pipeline.shell.config.document import read_document
from pipeline.shell.public import FLY_TOML

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from pipeline.core.model import Image, Project
    from pipeline.core.reference import ImageName


def unnamed(project: Project) -> tuple[Image, ...]:
    """The app images without an app, in build order."""
    return tuple(i for i in project if i.deploy and i.deploy.pending == UNNAMED)


def name_file(image: Image) -> PurePosixPath:
    """The `fly.toml` that an app's name belongs into, relative to the root; it may not exist."""
    config = image.deploy.config if image.deploy else None
    return config or image.folder / FLY_TOML


def no_name(root: Path, image: Image) -> Problem:
    """An app without a name, at the file that should give it."""
    hint = (
        f'add `app = "…"` to `{name_file(image)}`, or `apps` under `[deploy]` in `image.toml`; '
        "`invoke apps --generate-name --save` makes a name and an app of it"
    )
    return Problem(_place(root, image), "no app is named", hint)


def named(project: Project, names: Mapping[ImageName, str]) -> Project:
    """The project with a name for each of some unnamed apps."""
    images = tuple(_named(image, names[image.name]) if image.name in names else image
                   for image in project)  # fmt: skip
    return replace(project, images=images)


def _named(image: Image, name: str) -> Image:
    if image.deploy is None:
        return image
    return replace(image, deploy=replace(image.deploy, apps=(name,), pending=""))


def _place(root: Path, image: Image) -> Location:
    if image.deploy and image.deploy.config:
        return Location(str(image.deploy.config))
    document, _ = read_document(root, image.folder / IMAGE_FILE)
    return document.locate("deploy") if document else Location(str(image.folder))
