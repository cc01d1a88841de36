"""`deploy` and `deploy-all`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.tasks.building import KEEP_GOING, build_images
from pipeline.tasks.command import (
    JSON,
    PROFILE,
    STRICT,
    VERIFY,
    choose_from,
    is_deep,
    load_apps,
    plans,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from pipeline.core.model import Project


ROLLBACK = "when an app fails, put back what this run changed (Ctrl-C puts nothing back)"


@task(
    name="deploy-all",
    help={
        "keep_going": KEEP_GOING,
        "rollback": ROLLBACK,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "profile": PROFILE,
    },
)
@plans
def deploy_all(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    *,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    profile: str = "",
) -> int:
    """Build what is missing, then deploy every app that does not run its image, in order."""
    deep = is_deep(verify)
    project = load_apps(profile, strict=strict)
    apps = app_names(project)
    return _deploy(c, project, apps, keep_going=keep_going, rollback=rollback, deep=deep, json=json)


@task(
    help={
        "names": "images or apps to deploy, commas between them, `*` allowed",
        "keep_going": KEEP_GOING,
        "rollback": ROLLBACK,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "profile": PROFILE,
    },
)
@plans
def deploy(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    names: str,
    *,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    profile: str = "",
) -> int:
    """Build what some images or apps need, then deploy them where they do not run it yet."""
    deep = is_deep(verify)
    project = load_apps(profile, strict=strict)
    apps = chosen_apps(project, names)
    return _deploy(c, project, apps, keep_going=keep_going, rollback=rollback, deep=deep, json=json)


def chosen_apps(project: Project, words: str) -> tuple[str, ...]:
    """The apps that `words` name, by themselves or by their image, in build order."""
    images = tuple(image.name for image in project if image.deploy)
    names = dict.fromkeys((*app_names(project), *images))
    chosen = set(choose_from(names, words, what="app or app image"))
    return tuple(
        app
        for image in project
        if image.deploy
        for app in image.deploy.apps
        if app in chosen or image.name in chosen
    )


def app_names(project: Project) -> tuple[str, ...]:
    """All apps of the project, in build order."""
    return tuple(app for image in project if image.deploy for app in image.deploy.apps)


def _deploy(  # noqa: PLR0913 - each a choice of the user's, by keyword
    c: Context,
    project: Project,
    apps: Collection[str],
    *,
    keep_going: bool,
    rollback: bool,
    deep: bool,
    json: bool,
) -> int:
    if not apps:
        say("nothing to deploy: no image has a `fly.toml` or `[deploy]` in its `image.toml`")
    names = [i.name for i in project if i.deploy and not set(apps).isdisjoint(i.deploy.apps)]
    return build_images(
        c,
        project,
        names,
        force=False,
        keep_going=keep_going,
        deep=deep,
        apps=apps,
        rollback=rollback,
        json=json,
    )
