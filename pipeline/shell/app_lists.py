"""Names of apps that `image.toml` does not list itself: from a file, a pattern, or a command.

A file is read when the project is loaded, if it is there: one that another step makes must be there
for those tasks alone that need the names. What must be asked for is asked for once, by
`resolve_apps`, between `load` and `inspect`.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.core.apps import ListingDriver
from pipeline.core.model import AppSpec
from pipeline.edge.file_read import FileError, read_file
from pipeline.errors import Location, Problem, UnknownError, raise_problems, usage_error
from pipeline.shell.app_clashes import app_clashes, apps_location
from pipeline.shell.app_names import no_name, unnamed
from pipeline.shell.apps import driver_for
from pipeline.shell.config import checks
from pipeline.shell.config.image_file import IMAGE_FILE, DeployTable
from pipeline.shell.config.loaded import Loaded
from pipeline.shell.config.wrong import WrongValueError
from pipeline.shell.places import real_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from pipeline.core.model import Image, Project
    from pipeline.shell.config.image_file import ImageFile


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


def resolve_apps(project: Project, environ: Mapping[str, str], *, commands: bool = True) -> Project:
    """The project with the names of all its apps; itself where nothing is pending.

    Each command is run once, and the driver asked once. Without `commands`, none is run: their
    images stay in `Project.unasked`. Raises `ConfigError` for names that are none, for an app
    without a name and for one of two images, `UnknownError` where names cannot be found out.
    """
    specs = [image.deploy for image in project if image.deploy]
    if not any(spec.pending and (commands or not spec.is_command) for spec in specs):
        return project
    raise_problems(
        [no_name(project.root, image, project.settings.profile) for image in unnamed(project)]
    )
    raise_problems([problem for image in project for problem in _listed(project, image).problems])
    known = _known(project, environ)
    images = tuple(
        image
        if image.deploy and image.deploy.is_command and not commands
        else _resolved(project, image, known, environ)
        for image in project
    )
    raise_problems(app_clashes(project.root, images, project.settings.profile))
    empty = [i for i, before in zip(images, project, strict=True) if _is_empty(i, before)]
    said = tuple(f"`{i.folder / IMAGE_FILE}`: `apps` gives no names" for i in empty)
    return replace(project, images=images, warnings=(*project.warnings, *said))


def _is_to_come(root: Path, source: Path) -> bool:
    """Whether another step has yet to make a file of names."""
    return real_path(source).is_relative_to(root) and not os.path.lexists(source)


def _listed(project: Project, image: Image) -> Loaded[list[str]]:
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
    return _names(source.decode(errors="replace"), str(folder / path))


def _names(text: str, file: str) -> Loaded[list[str]]:
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


def _known(project: Project, environ: Mapping[str, str]) -> Sequence[str]:
    """The apps that the driver knows of, where a pattern asks for them."""
    specs = (image.deploy for image in project if image.deploy)
    if not any(spec.pending.startswith("match:") for spec in specs):
        return ()
    with driver_for(project, environ) as driver:
        if isinstance(driver, ListingDriver):
            return sorted(driver.names())
    name = project.settings.deploy.driver
    raise usage_error(
        f'the driver `{name}` cannot list apps, as `apps = "match:…"` wants',
        hint='name them in a list, a file (`"file:apps.txt"`) or by a command',
    )


def _resolved(
    project: Project, image: Image, known: Sequence[str], environ: Mapping[str, str]
) -> Image:
    spec = image.deploy
    if spec is None or not spec.pending:
        return image
    kind, _, rest = spec.pending.partition(":")
    found: Iterable[str]
    if kind == "file":
        found = _listed(project, image).value or ()
    elif kind == "match":
        found = _matching(known, rest)
    else:
        found = _printed(project, image, rest, environ)
    return replace(image, deploy=replace(spec, apps=tuple(found), pending=""))


def _matching(known: Sequence[str], pattern: str) -> Iterator[str]:
    for name in dict.fromkeys(known):
        if fnmatchcase(name, pattern.strip()):
            try:
                yield checks.app_name(name)
            except WrongValueError as error:
                raise UnknownError(f"an app is listed under no name: {error.message}") from None


def _printed(
    project: Project, image: Image, command: str, environ: Mapping[str, str]
) -> Sequence[str]:
    from pipeline.edge.printed import printed_by  # noqa: PLC0415 - opened late

    place = apps_location(project.root, image, project.settings.profile)
    try:
        allowed = project.settings.allowed.variables
        text = printed_by(shlex.split(command), project.root, environ, allowed=allowed)
    except UnknownError as error:
        hint = "it is run in the project's root, without a shell, and prints one name a line"
        raise UnknownError(f"{place}: {error.message}", hint=hint) from None
    names, problems = _names(text, str(place))
    raise_problems([replace(p, location=place) for p in problems])
    return names or ()


def _is_empty(image: Image, before: Image) -> bool:
    pending = before.deploy is not None and bool(before.deploy.pending)
    return pending and image.deploy is not None and not (image.deploy.apps or image.deploy.pending)
