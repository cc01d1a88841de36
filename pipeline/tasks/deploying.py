"""`deploy` and `deploy-all`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import ConfigError, UnknownError
from pipeline.tasks.building import KEEP_GOING, build_images
from pipeline.tasks.command import (
    ALLOW,
    JSON,
    PROFILE,
    STRICT,
    VERIFY,
    choose_from,
    is_deep,
    is_dry,
    load_apps,
    plans,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from pipeline.core.model import Project
    from pipeline.core.reference import ImageName
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
    project = load_apps(profile, allow, strict=strict, look=is_dry(c))
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
    project = load_apps(profile, allow, strict=strict, look=is_dry(c))
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


def chosen_apps(project: Project, words: str) -> tuple[str, ...]:
    """The apps that `words` name, by themselves or by their image, in build order; of none, all.

    Raises `UnknownError` for a word that may name an app which only a command knows that was not
    run.
    """
    if not words:
        return app_names(project)
    chosen = _chosen(project, words)
    return tuple(
        app
        for image in project
        if image.deploy
        for app in image.deploy.apps
        if app in chosen or image.name in chosen
    )


def unasked_images(project: Project, words: str) -> tuple[ImageName, ...]:
    """Of the images whose apps are not known, those that `words` name; of no words, all."""
    if not (words and project.unasked):
        return project.unasked
    chosen = _chosen(project, words)
    return tuple(name for name in project.unasked if name in chosen)


def _chosen(project: Project, words: str) -> frozenset[str]:
    images = tuple(image.name for image in project if image.deploy)
    names = dict.fromkeys((*app_names(project), *images))
    try:
        return frozenset(choose_from(names, words, what="app or app image"))
    except ConfigError as error:
        if not project.unasked:
            raise
        raise not_asked(project.unasked, f"{error.problems[0].message} that is known") from None


def not_asked(images: Sequence[ImageName], what: str) -> UnknownError:
    """The error for what only a command of the project's knows, which was not run."""
    from pipeline.core.apps import HOW_TO_RUN, NOT_RUN  # noqa: PLC0415 - not for `invoke --list`

    whose = ", ".join(f"`{name}`" for name in images)
    return UnknownError(f"{what}: the apps of {whose} are {NOT_RUN}", hint=HOW_TO_RUN)


def app_names(project: Project) -> tuple[str, ...]:
    """All apps of the project, in build order."""
    return tuple(app for image in project if image.deploy for app in image.deploy.apps)


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
    apps, unasked = chosen_apps(project, words), unasked_images(project, words)
    if not (apps or unasked):
        say("nothing to deploy: no image has a `fly.toml` or `[deploy]` in its `image.toml`")
    names = [
        image.name
        for image in project
        if image.name in unasked or (image.deploy and not set(apps).isdisjoint(image.deploy.apps))
    ]
    return build_images(
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
        json=json,
    )


def _backwards(project: Project) -> Project:
    """The project, whose apps are deployed also over what is of a newer commit."""
    settings = project.settings
    return replace(
        project, settings=replace(settings, deploy=replace(settings.deploy, backwards=True))
    )
