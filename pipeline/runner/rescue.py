"""The report of a run that was ended by what nobody expected: what was done stays known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.plan import Action
from ..model.presence import Present
from ..model.report import DeployResult, DeployStatus, ImageResult, ImageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..errors import PipelineError, UnknownError
    from ..model.plan import ImageAction, Plan
    from ..model.presence import Presence
    from ..reference import Reference
    from .tools import Tools

_DONE = {
    Action.BUILD: ImageStatus.BUILT,
    Action.COPY: ImageStatus.COPIED,
}
_CHANGES = {*_DONE.values(), ImageStatus.FAILED, DeployStatus.DEPLOYED, DeployStatus.FAILED}


def rescue(
    plan: Plan, tools: Tools, error: PipelineError
) -> tuple[tuple[ImageResult, ...], tuple[DeployResult, ...]]:
    """The end of every image and app of the plan, when `error` has ended the run.

    An image that may have been published since its end was last told is looked for.
    """
    images = dict(tools.ends.images)
    open_ = [action for action in plan.images if action.name not in images]
    found = _look([a.reference for a in open_ if a.action in _DONE and not a.forced], tools)
    images |= {a.name: _image(a, found.get(a.reference), error) for a in open_}
    names = dict.fromkeys((*(action.name for action in plan.images), *images))
    deploys = dict(tools.ends.deploys)
    why = f"not tried: {error.message}"
    for step in plan.deploys:
        blocked = DeployResult(step.app, step.image, DeployStatus.BLOCKED, why)
        deploys.setdefault(step.app, blocked)
    apps = tuple(deploys[step.app] for step in plan.deploys)
    return tuple(images[name] for name in names), apps


def is_anything_done(images: Sequence[ImageResult], deploys: Sequence[DeployResult]) -> bool:
    """Whether a run came to anything that must not be forgotten."""
    ended = {*(one.status for one in images), *(one.status for one in deploys)}
    return not _CHANGES.isdisjoint(ended)


def _look(
    references: Sequence[Reference], tools: Tools
) -> Mapping[Reference, Presence | UnknownError]:
    try:
        return tools.registry.head_all(references)
    except Exception:  # noqa: BLE001 - there is a fault already, and that one is told
        return {}


def _image(
    action: ImageAction, found: Presence | UnknownError | None, error: PipelineError
) -> ImageResult:
    status, why, digest = (
        ImageStatus.BLOCKED,
        f"not tried, or not to its end: {error.message}",
        None,
    )
    if action.action is Action.EXISTS:
        status, why, digest = ImageStatus.EXISTS, action.reason, action.digest
    elif isinstance(found, Present):
        status, why, digest = _DONE[action.action], "it was published by then", found.digest
    return ImageResult(action.name, status, action.reference, why, digest)
