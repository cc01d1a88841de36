"""Load the project for a task; say on stderr what looks unintended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from msgspec.structs import replace

from ..errors import (
    ConfigError,
)
from ._say import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from invoke.context import Context

    Handler = Callable[[int, FrameType | None], None]

    from ..model.permission import Allowed
    from ..model.project import Project
    from ..model.settings import Settings
    from ..runner.apps import OpenDriver

P = ParamSpec("P")
Name = TypeVar("Name", bound=str)

if TYPE_CHECKING:
    Body = Callable[Concatenate[Context, P], int]
    Made = Callable[Concatenate[Context, P], None]
    Words = Sequence[str] | None
    """What `--allow` says each time that it is written."""


def load_project(profile: str, allow: Words = None, *, strict: bool = False) -> Project:
    """The project at or above the working directory; what looks unintended is said on stderr.

    With `strict`, its settings are strict whatever its file says. `allow` adds to what the
    environment allows it (`model.permission`).
    """
    from ..project.load import load  # noqa: PLC0415 - pydantic costs 100 ms

    more = _allowed(allow)
    project = load(profile=profile or None)
    for warning in project.warnings:
        say(f"warning: {warning}")
    settings = replace(project.settings, strict=strict or project.settings.strict)
    return replace(project, settings=settings.allowing(more))


def load_settings(profile: str, allow: Words = None) -> Settings:
    """The settings of that project alone, for what concerns none of its images."""
    from ..project import image_folders  # noqa: PLC0415 - loaded late
    from ..project import load_settings as settings_loader  # noqa: PLC0415 - loaded late

    more = _allowed(allow)
    root = image_folders.find_root(image_folders.working_folder())
    loaded, problems = settings_loader.load_settings(
        root, profile=profile or None, environ=os.environ
    )
    if loaded is None:
        raise ConfigError(problems)
    return loaded.allowing(more)


def _allowed(words: Words) -> Allowed:
    from ..model.permission import parse_allowed  # noqa: PLC0415 - not needed for `invoke --list`

    return parse_allowed(",".join(words or ()), "`--allow`")


def load_apps(
    profile: str, allow: Words = None, *, strict: bool = False, look: bool = False
) -> Project:
    """As `load_project`, with the names of apps that must be asked for; see `with_apps`."""
    return with_apps(load_project(profile, allow, strict=strict), look=look)


def with_apps(before: Project, *, look: bool = False, driver: OpenDriver | None = None) -> Project:
    """The project with the names of apps that must be asked for.

    Who only wants to `look` runs no command of the project's, unless they allow it.
    """
    from ..runner.resolve_apps import resolve_apps  # noqa: PLC0415 - loaded late

    if look:
        check_look(before.settings)
    commands = not look or before.settings.allowed.commands
    project = resolve_apps(before, os.environ, commands=commands, driver=driver)
    for warning in project.warnings[len(before.warnings) :]:
        say(f"warning: {warning}")
    return project


def check_look(settings: Settings) -> None:
    """Raise `ConfigError` where a look would run what a login in the project names."""
    from ..project import image_folders  # noqa: PLC0415 - loaded late
    from ..project.credential_helpers import check_logins  # noqa: PLC0415

    check_logins(image_folders.find_root(image_folders.working_folder()), settings, os.environ)


def check_docker(settings: Settings) -> None:
    """Raise `ConfigError` where docker, run for a look, would run plugins of the project."""
    from ..project import image_folders  # noqa: PLC0415 - loaded late
    from ..project.credential_helpers import check_plugins  # noqa: PLC0415

    check_plugins(image_folders.find_root(image_folders.working_folder()), settings, os.environ)
