"""Choose images and apps by words of the command line: commas between them, `*` and `?` allowed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from ..errors import ConfigError, Problem, UnknownError, raise_problems, usage_error
from ..model.apps import HOW_TO_RUN, NOT_RUN
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.project import Project
    from ..reference import ImageName

Name = TypeVar("Name", bound=str)

_MOST_COMPARED = 10_000
"""Names that a word of the command line is compared with, which is done once."""


def choose(project: Project, words: str, *, what: str = "image") -> tuple[ImageName, ...]:
    """Return the images that `words` choose, in build order.

    Raises `ConfigError` with every word that chooses nothing.
    """
    return choose_from(project.names, words, what=what)


def choose_from(names: Iterable[Name], words: str, *, what: str) -> tuple[Name, ...]:
    """Return the names that `words` choose. Raises `ConfigError` as `choose` does."""
    known = tuple(names)
    patterns = [word.strip() for word in words.split(",") if word.strip()]
    lost = [p for p in patterns if not any(_fits(name, p) for name in known)]
    raise_problems([_no_such(word, known, what) for word in lost])
    return tuple(name for name in known if any(_fits(name, p) for p in patterns))


def choose_one(project: Project, word: str) -> ImageName:
    """Return the one image that `word` chooses. Raises `ConfigError`."""
    names = choose(project, word)
    if len(names) != 1:
        raise usage_error(f"`{word}` matches {len(names)} images, but must match one")
    return names[0]


def choose_apps(project: Project, words: str) -> tuple[str, ...]:
    """Return the apps that `words` choose, by their names or their image's, in build order.

    Without words, all. Raises `UnknownError` for a word that may name an app of a command that was
    not run.
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


def choose_unlisted(project: Project, words: str) -> tuple[ImageName, ...]:
    """Return the images that `words` choose whose apps only a command lists that was not run.

    Without words, all.
    """
    if not (words and project.unlisted):
        return project.unlisted
    chosen = _chosen(project, words)
    return tuple(name for name in project.unlisted if name in chosen)


def not_listed(images: Sequence[ImageName], what: str) -> UnknownError:
    """Return the error for apps that only a command lists that was not run."""
    whose = ", ".join(f"`{name}`" for name in images)
    return UnknownError(f"{what}: the apps of {whose} are {NOT_RUN}", hint=HOW_TO_RUN)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def _no_such(word: str, known: tuple[str, ...], what: str) -> Problem:
    hint = did_you_mean(word, known, most=_MOST_COMPARED)
    hint = hint or f"there are: {', '.join(known) or 'none'}"
    return Problem(None, f"there is no {what} `{word}`", hint)


def _chosen(project: Project, words: str) -> frozenset[str]:
    images = tuple(image.name for image in project if image.deploy)
    names = dict.fromkeys((*project.apps, *images))
    try:
        return frozenset(choose_from(names, words, what="app or app image"))
    except ConfigError as error:
        if not project.unlisted:
            raise
        raise not_listed(project.unlisted, f"{error.problems[0].message} that is known") from None
