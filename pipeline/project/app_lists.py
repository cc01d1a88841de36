"""Names of apps that `image.toml` does not list itself: from a file, a pattern, or a command.

A file is read when the project is loaded, if it is there: one that another step makes must be there
for those tasks alone that need the names. What must be asked for is asked for once, by
`resolve_apps`, between `load` and `inspect`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import Location, Problem
from ..model.image import AppSpec
from ..process.paths import real_path
from ..process.read_file import FileError, read_file
from . import checks
from .app_clashes import apps_location
from .image_file import DeployTable
from .loaded import Loaded
from .wrong_value import WrongValueError

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from ..model.image import Image
    from ..model.project import Project
    from .image_file import ImageFile


_LONGEST = 200
"""Characters of a line that are looked at: a name has 63 at most."""
_AT_MOST = 20
"""So many lines that are no names are told: what prints a log prints no list."""


def app_spec(
    root: Path, folder: PurePosixPath, file: ImageFile, config: PurePosixPath | None
) -> Loaded[AppSpec]:
    """The apps of an `image.toml` that says where their names are; some must still be asked for."""
    told = file.deploy or DeployTable()
    kind, _, rest = told.source.partition(":")
    spec = AppSpec((), config, told.after, told.strategy, told.source)
    if kind != "file" or _is_to_come(root, root / folder / rest.strip()):
        return Loaded(spec)
    place = file.locate("deploy", "apps")
    names, problems = _read(root, folder, rest.strip(), place)
    return Loaded(replace(spec, apps=tuple(names or ()), pending=""), problems)


def _is_to_come(root: Path, source: Path) -> bool:
    """Whether another step has yet to make a file of names."""
    return real_path(source).is_relative_to(root) and not os.path.lexists(source)


def listed_apps(project: Project, image: Image) -> Loaded[list[str]]:
    """The names in a file that was not there when the project was loaded."""
    kind, _, path = image.deploy.pending.partition(":") if image.deploy else ("", "", "")
    if kind != "file":
        return Loaded(None)
    place = apps_location(project.root, image, project.settings.profile)
    return _read(project.root, image.folder, path.strip(), place)


def _read(root: Path, folder: PurePosixPath, path: str, place: Location) -> Loaded[list[str]]:
    if not real_path(root / folder / path).is_relative_to(root):
        message, hint = f"`{path}` lies outside the project", "name a file inside it"
        return Loaded(None, (Problem(place, message, hint),))
    try:
        source = read_file(root, folder / path)
    except FileError as error:
        return Loaded(None, (Problem(place, f"`{path}` {error.what}", error.hint),))
    if source is None:
        message = f"`{path}` cannot be read: no such file or directory"
        hint = "it holds one name a line, and is named relative to this file"
        return Loaded(None, (Problem(place, message, hint),))
    return names_in(source.decode(errors="replace"), str(folder / path))


def names_in(text: str, file: str) -> Loaded[list[str]]:
    """One name a line; empty lines and what follows a `#` are left out."""
    names: dict[str, None] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        try:
            if name:
                names[checks.app_name(name[:_LONGEST])] = None
        except WrongValueError as error:
            place = Location(file, number, line.index(name) + 1)
            problems.append(Problem(place, error.message, error.hint))
            if len(problems) == _AT_MOST:
                problems.append(Problem(Location(file), "the rest of it was not read any more"))
                break
    return Loaded(list(names), tuple(problems))
