"""Load the project of the working directory, and print its warnings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import ConfigError, Problem, raise_problems, usage_error
from ..model.permission import parse_allowed
from ..project import load_settings as settings_loader
from ..project.image_folders import find_root, working_folder
from ..project.load import load
from ._say import say

if TYPE_CHECKING:
    from ..errors import UnknownError
    from ..model.permission import Allowed
    from ..model.project import Project
    from ..model.settings import Settings
    from ..reference import ImageName
    from ..runner.apps import OpenDriver
    from ._command import Words
    from ._options import PlanOptions


def load_project(
    profile: str, allow: Words = None, arg: Words = None, *, strict: bool = False
) -> Project:
    """Load the project at or above the working directory, and print its warnings to stderr.

    With `strict`, its settings are strict whatever its file says. `allow` adds to what the
    environment allows it (`model.permission`), and `arg` has build arguments.
    """
    more = _allowed(allow)
    project = load(profile=profile or None, args=read_arguments(arg))
    for warning in project.warnings:
        say(f"warning: {warning}")
    settings = replace(project.settings, strict=strict or project.settings.strict)
    return replace(project, settings=settings.allowing(more))


def load_with(options: PlanOptions) -> Project:
    """Load the project with the options of a task that makes a plan, as `load_project` does.

    Raises `ConfigError` for a wrong `--verify` or `--log` before it reads the project.
    """
    is_deep(options.verify)
    _is_word("plain", options.log, "--log")
    project = load_project(options.profile, options.allow, options.arg, strict=options.strict)
    return _without_records(project) if options.no_record else project


def _without_records(project: Project) -> Project:
    registry = replace(project.settings.registry, records=False)
    return replace(project, settings=replace(project.settings, registry=registry))


def load_settings(profile: str, allow: Words = None) -> Settings:
    """Load the settings of the project alone, and none of its images. Raises `ConfigError`."""
    more = _allowed(allow)
    root = find_root(working_folder())
    loaded, problems = settings_loader.load_settings(
        root, profile=profile or None, environ=os.environ
    )
    if loaded is None:
        raise ConfigError(problems)
    return loaded.allowing(more)


def _allowed(words: Words) -> Allowed:
    return parse_allowed(",".join(words or ()), "`--allow`")


def read_arguments(words: Words) -> dict[str, str]:
    """Parse the values of `--arg`. Raises `ConfigError` with all that are wrong."""
    found: dict[str, str] = {}
    problems = []
    for name, equals, value in (word.partition("=") for word in words or ()):
        if not equals:
            hint = f"write `--arg {name}=VALUE`"
            problems.append(Problem(None, f"`--arg {name}` has no value", hint))
        elif name in found:
            problems.append(Problem(None, f"`--arg {name}=…` is there twice", "remove one of them"))
        found[name] = value
    raise_problems(problems)
    return found


def is_deep(word: str) -> bool:
    """Return whether `--verify` is `deep`. Raises `ConfigError` for another word."""
    return _is_word("deep", word, "--verify")


def _is_word(only: str, word: str, option: str) -> bool:
    """Return whether an option has its only value. Raises `ConfigError` for another one."""
    if word not in {"", only}:
        raise usage_error(
            f"`{word}` is not a value of `{option}`", hint=f"write `{only}`, or leave it out"
        )
    return word == only


def load_apps(
    profile: str,
    allow: Words = None,
    arg: Words = None,
    *,
    strict: bool = False,
    look: bool = False,
) -> Project:
    """Load the project, and list the apps that no file names; see `with_apps`."""
    return with_apps(load_project(profile, allow, arg, strict=strict), look=look)


def with_apps(before: Project, *, look: bool = False, driver: OpenDriver | None = None) -> Project:
    """Return the project with the apps that a command or the organization lists.

    A task that only looks (`look`) runs no command of the project, unless the user allows it.
    """
    from ..runner.resolve_apps import resolve_apps

    if look:
        check_look(before.settings)
    commands = not look or before.settings.allowed.commands
    project = resolve_apps(before, os.environ, commands=commands, driver=driver)
    _say_new_warnings(before, project)
    return project


def with_known_apps(
    before: Project, driver: OpenDriver | None = None
) -> tuple[Project, dict[ImageName, UnknownError]]:
    """Do as `with_apps` for a task that only looks; also return why apps of images are unknown."""
    from ..model.apps import not_run
    from ..runner.resolve_apps import resolve_known_apps

    check_look(before.settings)
    commands = before.settings.allowed.commands
    project, unknown = resolve_known_apps(before, os.environ, commands=commands, driver=driver)
    _say_new_warnings(before, project)
    skipped = {} if commands else dict.fromkeys(project.unlisted, not_run())
    return project, {**skipped, **unknown}


def _say_new_warnings(before: Project, project: Project) -> None:
    for warning in project.warnings[len(before.warnings) :]:
        say(f"warning: {warning}")


def check_look(settings: Settings) -> None:
    """Raise `ConfigError` if looking would run a credential helper that is in the project."""
    from ..project.credential_helpers import check_logins

    check_logins(find_root(working_folder()), settings, os.environ)


def check_docker(settings: Settings) -> None:
    """Raise `ConfigError` if docker, run for a look, would run plugins that are in the project."""
    from ..project.credential_helpers import check_plugins

    check_plugins(find_root(working_folder()), settings, os.environ)
