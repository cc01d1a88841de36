"""An app runs one image: one that two images name is a problem at its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Location, Problem
from ..process.read_file import read_file
from .document import read_document
from .image_file import read_image_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..model.image import Image


def app_clashes(root: Path, images: Sequence[Image], profile: str) -> list[Problem]:
    """Every app that an image before has already, where it is named again."""
    owner: dict[str, Image] = {}
    problems = []
    for image in images:
        for app in image.deploy.apps if image.deploy else ():
            if app in owner:
                message = f"the app `{app}` is deployed from `{owner[app].folder}` already"
                place = place_of(root, image, app, profile)
                problems.append(Problem(place, message, "an app runs one image"))
            owner.setdefault(app, image)
    return problems


def apps_location(root: Path, image: Image, profile: str) -> Location:
    """Where `apps` is written in the image's `image.toml`."""
    document, _ = read_image_document(root, image.folder, profile)
    return document.locate("deploy", "apps") if document else Location(str(image.folder))


def place_of(root: Path, image: Image, app: str, profile: str) -> Location:
    """Where an app of the image is named: in a list, a file of names, or a `fly.toml`.

    The files are read anew: places are wanted only where something is wrong.
    """
    document, _ = read_image_document(root, image.folder, profile)
    if document is None or not document.has("deploy", "apps"):
        return _in_config(root, image)
    match document.data:
        case {"deploy": {"apps": list(written)}} if app in (names := [*map(_name, written)]):
            return document.locate("deploy", "apps", names.index(app))
        case {"deploy": {"apps": str(source)}} if source.startswith("file:"):
            return _in_file(root, image, source.removeprefix("file:").strip(), app)
    return document.locate("deploy", "apps")


def _name(written: object) -> object:
    return written.get("name") if isinstance(written, dict) else written


def _in_config(root: Path, image: Image) -> Location:
    config = image.deploy.config if image.deploy else None
    document = read_document(root, config).value if config else None
    return document.locate("app") if document else Location(str(image.folder))


def _in_file(root: Path, image: Image, path: str, app: str) -> Location:
    shown = str(image.folder / path)
    text = (read_file(root, image.folder / path) or b"").decode(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("#")[0].strip() == app:
            return Location(shown, number, line.index(app) + 1)
    return Location(shown)
