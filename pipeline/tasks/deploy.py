"""`deploy` and `deploy-all`."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from invoke.tasks import task
from msgspec.structs import replace

from ._apps import chosen_apps, unasked_images
from ._command import is_dry, plans
from ._load import load_project, with_apps
from ._options import ALLOW, JSON, PROFILE, STRICT, VERIFY, is_deep
from ._run import KEEP_GOING, run_project
from ._say import say

if TYPE_CHECKING:
    from invoke.context import Context

    from ..model.project import Project
    from ._command import Words


FORCE = "deploy apps that are current too, and over a newer commit; nothing is built for it"
ROLLBACK = "when an app fails, put back what this run changed (Ctrl-C puts nothing back)"


@task(
    name="deploy-all",
    help={
        "only": "only these images or apps, commas between them, `*` allowed",
        "force": FORCE,
        "keep_going": KEEP_GOING,
        "rollback": ROLLBACK,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def deploy_all(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    only: str = "",
    *,
    force: bool = False,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build what is missing, then deploy every app that is not current, in order."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    return _deploy(
        c,
        project,
        only,
        force=force,
        keep_going=keep_going,
        rollback=rollback,
        deep=deep,
        json=json,
    )


@task(
    help={
        "names": "images or apps to deploy, commas between them, `*` allowed",
        "force": FORCE,
        "keep_going": KEEP_GOING,
        "rollback": ROLLBACK,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def deploy(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    names: str,
    *,
    force: bool = False,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build what some images or apps need, then deploy those that are not current."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    return _deploy(
        c,
        project,
        names,
        force=force,
        keep_going=keep_going,
        rollback=rollback,
        deep=deep,
        json=json,
    )


def _deploy(  # noqa: PLR0913 - each a choice of the user's, by keyword
    c: Context,
    project: Project,
    words: str,
    *,
    force: bool,
    keep_going: bool,
    rollback: bool,
    deep: bool,
    json: bool,
) -> int:
    from ..runner.apps import open_driver  # noqa: PLC0415 - loaded late

    stop = threading.Event()
    with open_driver(project, os.environ, stop) as driver:
        project = with_apps(project, look=is_dry(c), driver=driver)
        apps, unasked = chosen_apps(project, words), unasked_images(project, words)
        if not (apps or unasked):
            say("nothing to deploy: no image has a `fly.toml` or `[deploy]` in its `image.toml`")
        names = [
            image.name
            for image in project
            if image.name in unasked
            or (image.deploy and not set(apps).isdisjoint(image.deploy.apps))
        ]
        return run_project(
            c,
            _backwards(project) if force else project,
            names,
            force=False,
            keep_going=keep_going,
            deep=deep,
            apps=apps,
            redeploy=apps if force else (),
            unasked=unasked,
            rollback=rollback,
            driver=driver,
            stop=stop,
            json=json,
        )


def _backwards(project: Project) -> Project:
    """The project, whose apps are deployed also over what is of a newer commit."""
    settings = project.settings
    return replace(
        project, settings=replace(settings, deploy=replace(settings.deploy, backwards=True))
    )
