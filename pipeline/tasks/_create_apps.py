"""Create the Fly apps that the project needs and that do not exist."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import as_json, fly
from ..errors import WorkError, usage_error
from ..fly.api import FlyApi
from ..project.apps import app_name_file, images_without_app
from ..project.file_format import app_line
from ..project.name_app import name_app
from ..runner.create_apps import create_missing, find_apps, with_generated_names
from ._load import load_project, with_apps
from ._say import console, print_error, say, say_unlisted, write_json
from ._signals import INTERRUPTED, stoppable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from ..model.fly_apps import FlyApp
    from ._command import Words

FAILED, UNKNOWN, MISSING = 1, 4, 5


def run(
    *,
    check: bool,
    generate_name: bool,
    save: bool,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Create missing apps and print the result; with `check`, only print what is missing."""
    if check and generate_name:
        raise usage_error("`--check` and `--generate-name` exclude each other")
    if save and not generate_name:
        raise usage_error("`--save` needs `--generate-name`, whose names it writes")
    project = load_project(profile, allow)
    nameless = images_without_app(project) if generate_name else ()
    with (
        console() as report,
        stoppable() as stop,
        FlyApi(os.environ, report=report, stop=stop) as api,
    ):
        project = with_generated_names(project, api) if generate_name else project
        project = with_apps(project, look=check)
        found = find_apps(project, os.environ, api)
        if not check:
            found = create_missing(project, found, os.environ, api, report, stop)
        interrupted = stop.is_set()
    names = {
        name: app_name_file(image)
        for image in nameless
        if (spec := project.image(image.name).deploy)
        for name in spec.apps
    }
    _show(found, names, json=json)
    unsaved = _keep_names(project.root, _made(found, names), save=save)
    if interrupted:
        return INTERRUPTED
    return unsaved or _code(found, check=check) or say_unlisted(project)


def _show(found: Sequence[FlyApp], names: Mapping[str, PurePosixPath], *, json: bool) -> None:
    """Print the result to stdout, and each error once to stderr."""
    if json:
        write_json(as_json.apps_json(found, {name: str(file) for name, file in names.items()}))
    else:
        fly.print_fly_apps(found)
    failures = {(a.reason, a.hint): a for a in found if a.failed or a.unknown}
    for app in failures.values():
        print_error(WorkError(f"`{app.name}`: {app.reason}", hint=app.hint))


def _made(found: Sequence[FlyApp], names: Mapping[str, PurePosixPath]) -> dict[str, PurePosixPath]:
    """Return the generated names of apps that exist now."""
    created = {app.name for app in found if app.created}
    return {name: file for name, file in names.items() if name in created}


def _keep_names(root: Path, made: Mapping[str, PurePosixPath], *, save: bool) -> int:
    """Write generated names into their files, or print where they belong."""
    code = 0
    for name, file in made.items():
        if not save:
            say(f"write `{app_line(file.name, name)}` into `{file}`: `--save` does that")
            continue
        try:
            name_app(root, file, name)
            say(f"`{file}` names the app `{name}` now")
        except WorkError as error:
            print_error(error)
            code = FAILED
    return code


def _code(found: Sequence[FlyApp], *, check: bool) -> int:
    if any(app.failed for app in found):
        return FAILED
    if any(app.unknown for app in found):
        return UNKNOWN
    missing = any(app.missing for app in found)
    return MISSING if check and missing else 0
