"""Choose apps by words of the command line: by themselves, or by their image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigError, UnknownError
from ._choose import choose_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.project import Project
    from ..reference import ImageName


def chosen_apps(project: Project, words: str) -> tuple[str, ...]:
    """The apps that `words` name, by themselves or by their image, in build order; of none, all.

    Raises `UnknownError` for a word that may name an app which only a command knows that was not
    run.
    """
    if not words:
        return project.apps
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
    names = dict.fromkeys((*project.apps, *images))
    try:
        return frozenset(choose_from(names, words, what="app or app image"))
    except ConfigError as error:
        if not project.unasked:
            raise
        raise not_asked(project.unasked, f"{error.problems[0].message} that is known") from None


def not_asked(images: Sequence[ImageName], what: str) -> UnknownError:
    """The error for what only a command of the project's knows, which was not run."""
    from ..model.apps import HOW_TO_RUN, NOT_RUN  # noqa: PLC0415 - not for `invoke --list`

    whose = ", ".join(f"`{name}`" for name in images)
    return UnknownError(f"{what}: the apps of {whose} are {NOT_RUN}", hint=HOW_TO_RUN)
