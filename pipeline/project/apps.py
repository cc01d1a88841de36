"""The apps of an image: read their names, find what is missing or named twice, and its location.

`image.toml` lists names, or gives their source: a file, a pattern or a command. A file is read when
the project is loaded, if it exists: one that another step creates must exist for those tasks alone
that need the names. Patterns and commands are resolved once, by `runner.resolve_apps`, between
`load` and `inspect`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import Location, Problem
from ..model.image import UNNAMED, AppSpec
from ..process.paths import real_path
from ..process.read_file import FileError, read_file
from . import value_checks
from .document import read_document
from .file_format import app_line
from .image_file import ImageDeploy, read_image_document
from .result import Result
from .value_checks import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from ..model.image import Image
    from ..model.project import Project
    from ..reference import ImageName
    from .image_file import ImageFile

_LONGEST_LINE = 200
"""Characters of a line that are checked: a name has 63 at most."""
_MOST_WRONG = 20
"""Reading stops at this many lines that are not names: a command that prints a log, say."""


def apps_from_source(
    root: Path, folder: PurePosixPath, file: ImageFile, config: PurePosixPath | None
) -> Result[AppSpec]:
    """Read the apps of an `image.toml` that gives a source of names.

    Only a file that exists is read; the apps of any other source stay pending.
    """
    deploy = file.deploy or ImageDeploy()
    kind, _, rest = deploy.source.partition(":")
    spec = AppSpec((), config, deploy.after, deploy.strategy, deploy.source)
    if kind != "file" or _is_to_come(root, root / folder / rest.strip()):
        return Result(spec)
    location = file.locate("deploy", "apps")
    names, problems = _read_names(root, folder, rest.strip(), location)
    return Result(replace(spec, apps=tuple(names or ()), pending=""), problems)


def _is_to_come(root: Path, source: Path) -> bool:
    """Return whether a file of names lies in the project and has yet to be created."""
    return real_path(source).is_relative_to(root) and not os.path.lexists(source)


def apps_in_file(project: Project, image: Image) -> Result[list[str]]:
    """Read the names in a file that did not exist when the project was loaded."""
    kind, _, path = image.deploy.pending.partition(":") if image.deploy else ("", "", "")
    if kind != "file":
        return Result(None)
    location = apps_location(project.root, image, project.settings.profile)
    return _read_names(project.root, image.folder, path.strip(), location)


def _read_names(
    root: Path, folder: PurePosixPath, path: str, location: Location
) -> Result[list[str]]:
    if not real_path(root / folder / path).is_relative_to(root):
        message, hint = f"`{path}` lies outside the project", "name a file inside it"
        return Result(None, (Problem(location, message, hint),))
    try:
        source = read_file(root, folder / path)
    except FileError as error:
        return Result(None, (Problem(location, f"`{path}` {error.what}", error.hint),))
    if source is None:
        message = f"`{path}` cannot be read: no such file or directory"
        hint = "it must have one name per line; its path is relative to this file"
        return Result(None, (Problem(location, message, hint),))
    return parse_app_names(source.decode(errors="replace"), str(folder / path))


def parse_app_names(text: str, file: str) -> Result[list[str]]:
    """Parse one app name a line; empty lines, and what follows a `#`, are ignored."""
    names: dict[str, None] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        try:
            if name:
                names[value_checks.app_name(name[:_LONGEST_LINE])] = None
        except WrongValueError as error:
            location = Location(file, number, line.index(name) + 1)
            problems.append(Problem(location, error.message, error.hint))
            if len(problems) == _MOST_WRONG:
                problems.append(Problem(Location(file), "the rest of the file was not read"))
                break
    return Result(list(names), tuple(problems))


def images_without_app(project: Project) -> tuple[Image, ...]:
    """Return the images to deploy for which no app is named, in build order."""
    return tuple(i for i in project if i.deploy and i.deploy.pending == UNNAMED)


def app_name_file(image: Image) -> PurePosixPath:
    """Return the `fly.toml` that should name the app, relative to the root; it may not exist."""
    config = image.deploy.config if image.deploy else None
    return config or image.settings_file.with_name(image.settings.replace("image", "fly", 1))


def no_app_named(root: Path, image: Image, profile: str) -> Problem:
    """Describe an image to deploy without an app, at the file that should name it."""
    file = app_name_file(image)
    hint = (
        f"add `{app_line(file.name, '…')}` to `{file}`, or `apps` under `[deploy]` in "
        "`image.toml`; `invoke apps --generate-name --save` makes a name and an app of it"
    )
    return Problem(_missing_name_location(root, image, profile), "no app is named", hint)


def _missing_name_location(root: Path, image: Image, profile: str) -> Location:
    if image.deploy and image.deploy.config:
        return Location(str(image.deploy.config))
    document, _ = read_image_document(root, image.settings_file, profile)
    return document.locate("deploy") if document else Location(str(image.folder))


def with_app_names(project: Project, names: Mapping[ImageName, str]) -> Project:
    """Give images an app each: `names` has the new app of each image."""
    images = tuple(_with_app(image, names[image.name]) if image.name in names else image
                   for image in project)  # fmt: skip
    return replace(project, images=images)


def _with_app(image: Image, app: str) -> Image:
    if image.deploy is None:
        return image
    return replace(image, deploy=replace(image.deploy, apps=(app,), pending=""))


def find_app_clashes(root: Path, images: Sequence[Image], profile: str) -> list[Problem]:
    """Find each app that two images name, at the second one: an app runs one image."""
    owner: dict[str, Image] = {}
    problems = []
    for image in images:
        for app in image.deploy.apps if image.deploy else ():
            if app in owner:
                message = f"the app `{app}` is deployed from `{owner[app].folder}` already"
                location = app_location(root, image, app, profile)
                problems.append(Problem(location, message, "an app runs one image"))
            owner.setdefault(app, image)
    return problems


def apps_location(root: Path, image: Image, profile: str) -> Location:
    """Locate `apps` in the image's `image.toml`."""
    document, _ = read_image_document(root, image.settings_file, profile)
    return document.locate("deploy", "apps") if document else Location(str(image.folder))


def app_location(root: Path, image: Image, app: str, profile: str) -> Location:
    """Locate the name of an app of the image: in a list, a file of names, or a `fly.toml`.

    Reads the files again, as locations are needed only where something is wrong.
    """
    document, _ = read_image_document(root, image.settings_file, profile)
    if document is None or not document.has("deploy", "apps"):
        return _location_in_config(root, image)
    match document.data:
        case {"deploy": {"apps": list(written)}} if app in (names := [*map(_name, written)]):
            return document.locate("deploy", "apps", names.index(app))
        case {"deploy": {"apps": str(source)}} if source.startswith("file:"):
            return _location_in_file(root, image, source.removeprefix("file:").strip(), app)
    return document.locate("deploy", "apps")


def _name(written: object) -> object:
    return written.get("name") if isinstance(written, dict) else written


def _location_in_config(root: Path, image: Image) -> Location:
    config = image.deploy.config if image.deploy else None
    document = read_document(root, config).value if config else None
    return document.locate("app") if document else Location(str(image.folder))


def _location_in_file(root: Path, image: Image, path: str, app: str) -> Location:
    shown = str(image.folder / path)
    text = (read_file(root, image.folder / path) or b"").decode(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("#")[0].strip() == app:
            return Location(shown, number, line.index(app) + 1)
    return Location(shown)
