"""Choose apps and deploy them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..runner.apps import open_driver
from ._choose import choose_apps, choose_unlisted
from ._command import is_dry
from ._load import load_with, with_apps, with_known_apps
from ._run import run_project
from ._say import say

if TYPE_CHECKING:
    from invoke.context import Context

    from ..errors import UnknownError
    from ..model.project import Project
    from ..reference import ImageName
    from ._options import PlanOptions


def run(c: Context, words: str, options: PlanOptions, *, rollback: bool) -> int:
    """Deploy the apps that `words` choose, or all; return the exit code."""
    project = load_with(options)
    stop = threading.Event()
    with open_driver(project, os.environ, stop) as driver:
        why: dict[ImageName, UnknownError] = {}
        if is_dry(c):
            project, why = with_known_apps(project, driver)
        else:
            project = with_apps(project, driver=driver)
        apps, unlisted = choose_apps(project, words), choose_unlisted(project, words)
        if not (apps or unlisted):
            say("nothing to deploy: no image has a `fly.toml` or `[deploy]` in its `image.toml`")
        names = [
            image.name
            for image in project
            if image.name in unlisted
            or (image.deploy and not set(apps).isdisjoint(image.deploy.apps))
        ]
        return run_project(
            c,
            _backwards(project) if options.force else project,
            names,
            # It forces deploys, not builds.
            options._replace(force=False),
            apps=apps,
            redeploy=apps if options.force else (),
            unlisted={name: why[name] for name in unlisted if name in why},
            rollback=rollback,
            driver=driver,
            stop=stop,
        )


def _backwards(project: Project) -> Project:
    """Return the project with `backwards`: its apps are deployed over newer commits too."""
    settings = project.settings
    return replace(
        project, settings=replace(settings, deploy=replace(settings.deploy, backwards=True))
    )
