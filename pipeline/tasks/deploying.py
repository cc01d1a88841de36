"""`deploy` and `deploy-all`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.tasks.building import KEEP_GOING, build_images
from pipeline.tasks.command import (
    ALLOW,
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
    from pipeline.tasks.command import Words


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
    project = load_apps(profile, allow, strict=strict)
    apps = chosen_apps(project, only) if only else app_names(project)
    return _deploy(
        c,
        project,
        apps,
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
    project = load_apps(profile, allow, strict=strict)
    return _deploy(
        c,
        project,
        chosen_apps(project, names),
        force=force,
        keep_going=keep_going,
        rollback=rollback,
        deep=deep,
        json=json,
    )


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
    force: bool,
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
        _backwards(project) if force else project,
        names,
        force=False,
        keep_going=keep_going,
        deep=deep,
        apps=apps,
        redeploy=apps if force else (),
        rollback=rollback,
        json=json,
    )


def _backwards(project: Project) -> Project:
    """The project, whose apps are deployed also over what is of a newer commit."""
    settings = project.settings
    return replace(
        project, settings=replace(settings, deploy=replace(settings.deploy, backwards=True))
    )
