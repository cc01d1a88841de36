"""Copy images that exist under another reference, before anything is built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..errors import PipelineError, UnknownError
from ..model.events import ImageChanged, Notice, Phase
from ..model.presence import Present
from ..model.report import ImageStatus
from ..registry.copy import bring
from .publish import Pushed, publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.actions import ImageAction
    from ..model.plan import Plan
    from ..model.presence import Presence
    from ..reference import ImageName
    from .tools import Tools

AT_ONCE = 4
"""Images that are copied at the same time."""


def copy_images(plan: Plan, tools: Tools) -> Plan:
    """Copy what the plan copies; return the plan in which the others are built.

    Raises `UnknownError` if it is not known what such a build needs.
    """
    _copy(plan.to_copy, tools)
    failed = [action for action in plan.to_copy if action.name not in tools.results.images]
    if not failed or tools.stop.is_set():
        return plan
    return plan.without_copies(_ask_again(failed, tools))


def _copy(actions: Sequence[ImageAction], tools: Tools) -> None:
    """Bring all that the images need, all at once, and then publish them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        brought = [b for b in pool.map(lambda action: _bring(action, tools), actions) if b]
    answers = publish(brought, tools.registry)
    for action in (pushed.action for pushed in brought):
        answer = answers[action.name]
        if isinstance(answer, Present):
            status = ImageStatus.COPIED
            tools.end_image(action, status, action.reason, answer.digest)
        else:
            why = answer.message if isinstance(answer, PipelineError) else "it vanished"
            _report_failure(action, why, tools)


def _bring(action: ImageAction, tools: Tools) -> Pushed | None:
    """Bring all of an image but its tag; `None` if that fails, which is reported."""
    if action.source is None or tools.stop.is_set():
        return None
    tools.report(ImageChanged(action.name, Phase.COPYING, action.reason))
    try:
        manifest = bring(tools.registry, action.source, action.reference, tools.stop)
    except PipelineError as error:
        _report_failure(action, error.message, tools)
        return None
    return Pushed(action, manifest)


def _report_failure(action: ImageAction, why: str, tools: Tools) -> None:
    if not tools.stop.is_set():
        tools.report(Notice(f"`{action.name}` could not be copied, and is built: {why}"))
        tools.report(ImageChanged(action.name, Phase.WAITING))


def _ask_again(failed: Sequence[ImageAction], tools: Tools) -> dict[ImageName, Presence]:
    """Ask for images whose copy failed: another run may have published them meanwhile.

    Raises `UnknownError`: a registry that does not answer would not take a build either.
    """
    answers = tools.registry.head_all([action.reference for action in failed])
    found: dict[ImageName, Presence] = {}
    for action in failed:
        answer = answers[action.reference]
        if isinstance(answer, UnknownError):
            raise answer
        found[action.name] = answer
    return found
