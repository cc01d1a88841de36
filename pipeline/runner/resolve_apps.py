"""Find out names of apps that no file lists: they match a pattern, or a command prints them."""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..deploy.protocol import ListingDriver
from ..errors import UnknownError, raise_problems, usage_error
from ..project import value_checks
from ..project.apps import (
    apps_in_file,
    apps_location,
    find_app_clashes,
    images_without_app,
    no_app_named,
    parse_app_names,
)
from ..project.command import output_of
from ..project.value_checks import WrongValueError
from .apps import open_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..model.image import Image
    from ..model.project import Project
    from ..reference import ImageName
    from .apps import OpenDriver


def resolve_apps(
    project: Project,
    environ: Mapping[str, str],
    *,
    commands: bool = True,
    driver: OpenDriver | None = None,
) -> Project:
    """Return the project with the names of all its apps; itself if they are known already.

    Each command is run once, and the driver is asked once. Without `commands`, none is run: their
    images stay in `Project.unlisted`. Raises `ConfigError` for invalid names, for an app without a
    name and for an app of two images, `UnknownError` if names cannot be found out.
    """
    resolved, unknown = resolve_known_apps(project, environ, commands=commands, driver=driver)
    for error in unknown.values():
        raise error
    return resolved


def resolve_known_apps(
    project: Project,
    environ: Mapping[str, str],
    *,
    commands: bool = True,
    driver: OpenDriver | None = None,
) -> tuple[Project, Mapping[ImageName, UnknownError]]:
    """Return the project with the names of all apps that can be found out, and why others cannot.

    Images whose apps cannot be found out have none. Raises `ConfigError` as `resolve_apps` does.
    """
    specs = [image.deploy for image in project if image.deploy]
    if not any(spec.pending and (commands or not spec.is_command) for spec in specs):
        return project, {}
    raise_problems(
        [
            no_app_named(project.root, image, project.settings.profile)
            for image in images_without_app(project)
        ]
    )
    raise_problems(
        [problem for image in project for problem in apps_in_file(project, image).problems]
    )
    with ExitStack() as stack:
        driver = driver or stack.enter_context(open_driver(project, environ))
        listed = _lister(project, driver)
        unknown: dict[ImageName, UnknownError] = {}
        resolved: dict[ImageName, Image] = {}
        for image in project:
            try:
                if commands or not (image.deploy and image.deploy.is_command):
                    resolved[image.name] = _resolved(project, image, listed, environ)
            except UnknownError as error:
                unknown[image.name] = error
    images = tuple(resolved.get(image.name, image) for image in project)
    raise_problems(find_app_clashes(project.root, images, project.settings.profile))
    empty = [i for i, before in zip(images, project, strict=True) if _is_empty(i, before)]
    said = tuple(f"`{i.settings_file}`: `apps` gives no names" for i in empty)
    return replace(project, images=images, warnings=(*project.warnings, *said)), unknown


def _lister(project: Project, driver: OpenDriver) -> Callable[[], Sequence[str]]:
    """Return a function that lists the apps that the driver knows; it is asked once."""
    answers: list[Sequence[str] | UnknownError] = []

    def listed() -> Sequence[str]:
        if not answers:
            try:
                answers.append(_known(project, driver))
            except UnknownError as error:
                answers.append(error)
        if isinstance(answers[0], UnknownError):
            raise answers[0]
        return answers[0]

    return listed


def _known(project: Project, driver: OpenDriver) -> Sequence[str]:
    opened = driver()
    if isinstance(opened, ListingDriver):
        return sorted(opened.names())
    name = project.settings.deploy.driver
    raise usage_error(
        f'the driver `{name}` cannot list apps, as `apps = "match:…"` wants',
        hint='name them in a list, a file (`"file:apps.txt"`) or by a command',
    )


def _resolved(
    project: Project,
    image: Image,
    listed: Callable[[], Sequence[str]],
    environ: Mapping[str, str],
) -> Image:
    spec = image.deploy
    if spec is None or not spec.pending:
        return image
    kind, _, rest = spec.pending.partition(":")
    found: Iterable[str]
    if kind == "file":
        found = apps_in_file(project, image).value or ()
    elif kind == "match":
        found = _matching(listed(), rest)
    else:
        found = _printed(project, image, rest, environ)
    return replace(image, deploy=replace(spec, apps=tuple(found), pending=""))


def _matching(known: Sequence[str], pattern: str) -> Iterator[str]:
    for name in dict.fromkeys(known):
        if fnmatchcase(name, pattern.strip()):
            try:
                yield value_checks.app_name(name)
            except WrongValueError as error:
                why = f"the driver lists an app whose name is not valid: {error.message}"
                raise UnknownError(why) from None


def _printed(
    project: Project, image: Image, command: str, environ: Mapping[str, str]
) -> Sequence[str]:
    location = apps_location(project.root, image, project.settings.profile)
    try:
        allowed = project.settings.allowed.variables
        text = output_of(shlex.split(command), project.root, environ, allowed=allowed)
    except UnknownError as error:
        hint = "it must print one name per line; it runs in the project's root, without a shell"
        raise UnknownError(f"{location}: {error.message}", hint=hint) from None
    names, problems = parse_app_names(text, str(location))
    raise_problems([replace(p, location=location) for p in problems])
    return names or ()


def _is_empty(image: Image, before: Image) -> bool:
    pending = before.deploy is not None and bool(before.deploy.pending)
    return pending and image.deploy is not None and not (image.deploy.apps or image.deploy.pending)
