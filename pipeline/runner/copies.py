"""Copy what stands elsewhere, before anything is built; what cannot be copied is built."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..errors import PipelineError, UnknownError
from ..model.events import ImageChanged, Notice, Stage
from ..model.plan import plan as make_plan
from ..model.presence import Present
from ..model.report import ImageStatus
from ..registry.copy import bring
from .confirm import end
from .inspect import inspect
from .publish import Pushed, publish

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..model.plan import ImageAction, Plan
    from ..model.report import ImageResult
    from ..reference import ImageName
    from .tools import Tools

AT_ONCE = 4
"""Images under way at once."""


def copy_images(
    plan: Plan, tools: Tools
) -> tuple[Plan, dict[ImageName, ImageResult], UnknownError | None]:
    """Copy what the plan copies: their ends, and the plan in which the others are built.

    The error is what kept the run from finding out what such a build needs.
    """
    results = _copied(plan.to_copy, tools)
    left = [action.name for action in plan.to_copy if action.name not in results]
    if not left or tools.stop.is_set():
        return plan, results, None
    try:
        return plan.instead(_building(plan, left, tools)), results, None
    except UnknownError as error:
        return plan, results, error


def _copied(actions: Sequence[ImageAction], tools: Tools) -> dict[ImageName, ImageResult]:
    """The ends of those that were copied: brought all at once, and then published."""
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        brought = [b for b in pool.map(lambda action: _brought(action, tools), actions) if b]
    answers = publish(brought, tools.registry)
    seconds = time.monotonic() - started
    results = {}
    for action in (pushed.action for pushed in brought):
        answer = answers[action.name]
        if isinstance(answer, Present):
            results[action.name] = end(
                tools, action, ImageStatus.COPIED, action.reason, answer.digest, seconds=seconds
            )
        else:
            why = answer.message if isinstance(answer, PipelineError) else "it vanished"
            _tell(action, why, tools)
    return results


def _brought(action: ImageAction, tools: Tools) -> Pushed | None:
    """An image of which all is there but its tag; nothing where that failed, which is told."""
    if action.source is None or tools.stop.is_set():
        return None
    tools.report(ImageChanged(action.name, Stage.COPYING, action.reason))
    try:
        manifest = bring(tools.registry, action.source, action.reference, tools.stop)
    except PipelineError as error:
        _tell(action, error.message, tools)
        return None
    return Pushed(action, manifest)


def _tell(action: ImageAction, why: str, tools: Tools) -> None:
    if not tools.stop.is_set():
        tools.report(Notice(f"`{action.name}` could not be copied, and is built: {why}"))
        tools.report(ImageChanged(action.name, Stage.WAITING))


def _building(plan: Plan, names: Collection[ImageName], tools: Tools) -> Plan:
    """What it takes to build images: their bases were not asked for when they were to be copied."""
    state = inspect(
        plan.project,
        only=names,
        copies=False,
        report=tools.report,
        registry=tools.registry,
        environ=tools.environ,
    )
    return make_plan(plan.project, state, only=names)
