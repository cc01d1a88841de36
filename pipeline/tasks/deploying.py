"""`deploy` and `deploy-all`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.tasks.building import KEEP_GOING, build_images, finish
from pipeline.tasks.command import JSON, PROFILE, choose_from, command, load_project, say

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from pipeline.core.model import Project


@task(
    name="deploy-all",
    help={"keep_going": KEEP_GOING, "json": JSON, "profile": PROFILE},
)
@command
def deploy_all(
    _c: Context, *, keep_going: bool = False, json: bool = False, profile: str = ""
) -> int:
    """Build what is missing, then deploy every app that does not run its image, in order."""
    project = load_project(profile)
    return _deploy(project, _apps(project), keep_going=keep_going, json=json)


@task(
    help={
        "names": "images or apps to deploy, commas between them, `*` allowed",
        "keep_going": KEEP_GOING,
        "json": JSON,
        "profile": PROFILE,
    },
)
@command
def deploy(
    _c: Context, names: str, *, keep_going: bool = False, json: bool = False, profile: str = ""
) -> int:
    """Build what some images or apps need, then deploy them where they do not run it yet."""
    project = load_project(profile)
    apps = _apps(project)
    images = tuple(image.name for image in project if image.deploy)
    chosen = set(choose_from(dict.fromkeys((*apps, *images)), names, what="app or app image"))
    wanted = [
        app
        for image in project
        if image.deploy
        for app in image.deploy.apps
        if app in chosen or image.name in chosen
    ]
    return _deploy(project, wanted, keep_going=keep_going, json=json)


def deployable(project: Project) -> tuple[str, ...]:
    """The apps that the driver of these settings can look after; none where it cannot yet."""
    from pipeline.edge.deploy import DRIVERS  # noqa: PLC0415 - loaded late

    return _apps(project) if project.settings.deploy.driver in DRIVERS else ()


def _apps(project: Project) -> tuple[str, ...]:
    return tuple(app for image in project if image.deploy for app in image.deploy.apps)


def _deploy(project: Project, apps: Collection[str], *, keep_going: bool, json: bool) -> int:
    if not apps:
        say("nothing to deploy: no image has a `fly.toml` or `[deploy]` in its `image.toml`")
    names = [i.name for i in project if i.deploy and not set(apps).isdisjoint(i.deploy.apps)]
    report = build_images(project, names, force=False, keep_going=keep_going, apps=apps)
    return finish(report, json=json)
