"""The order of deploys: groups by `after`, and in each group waves, a few apps before the rest."""

from __future__ import annotations

import re
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, TypeVar

from .. import graph
from .actions import DeployAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..reference import ImageName
    from .actions import AppAction
    from .project import Project
    from .settings import Wave

T = TypeVar("T")

_SHARE = r"(100|[1-9]?[0-9])%"


class WaveError(ValueError):
    """A wave that is neither a number of apps nor a share of them."""


def reach(wave: Wave, total: int) -> int:
    """Return how many of `total` apps are deployed once `wave` has ended; a share is rounded up.

    >>> [reach(wave, 1000) for wave in (1, "10%", "100%")]
    [1, 100, 1000]
    """
    if isinstance(wave, str):
        return min(total, -(-total * _share(wave) // 100))
    if isinstance(wave, bool) or wave < 1:
        raise WaveError(f"`{wave}` is not a number of apps: write 1 or more")
    return min(total, wave)


def split(apps: Sequence[T], waves: Sequence[Wave]) -> Iterator[Sequence[T]]:
    """Cut `apps` where each wave ends; the last part has the apps that no wave reaches.

    >>> [len(wave) for wave in split(range(1000), (1, "10%", "100%"))]
    [1, 99, 900]
    """
    done = 0
    for end in (*(reach(wave, len(apps)) for wave in waves), len(apps)):
        if end > done:
            yield apps[done:end]
            done = end


def deploy_order(project: Project) -> tuple[tuple[ImageName, ...], ...]:
    """Group app images by `after`: the apps of a group may be deployed at once."""
    return graph.levels({i.name: i.deploy.after for i in project if i.deploy})


def deploy_waves(
    actions: Iterable[AppAction], waves: Sequence[Wave]
) -> Iterator[tuple[AppAction, ...]]:
    """Cut a group into waves: each image has first apps of its own.

    Apps that are not deployed come first, and no share counts them.
    """
    changes: dict[ImageName, list[AppAction]] = {}
    others: list[AppAction] = []
    for action in actions:
        is_due = action.action is DeployAction.DEPLOY
        (changes.setdefault(action.image, []) if is_due else others).append(action)
    if others:
        yield tuple(others)
    for parts in zip_longest(*(split(each, waves) for each in changes.values()), fillvalue=()):
        yield tuple(chain.from_iterable(parts))


def _share(wave: str) -> int:
    match = re.fullmatch(_SHARE, wave)
    if match is None or match[1] == "0":
        raise WaveError(f'`{wave}` is not a share of the apps: write "1%" to "100%"')
    return int(match[1])
