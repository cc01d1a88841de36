"""Copy what stands elsewhere, before anything is built; what cannot be copied is built."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipeline.core.events import ImageChanged, Notice, Stage
from pipeline.core.plan import plan as make_plan
from pipeline.core.report import ImageResult, ImageStatus
from pipeline.errors import PipelineError, UnknownError
from pipeline.shell.confirm import end
from pipeline.shell.inspect import inspect

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.core.plan import ImageAction, Plan
    from pipeline.core.reference import ImageName
    from pipeline.shell.tools import Tools

AT_ONCE = 4
"""Images under way at once."""


def copy_images(
    plan: Plan, tools: Tools
) -> tuple[Plan, dict[ImageName, ImageResult], UnknownError | None]:
    """Copy what the plan copies: their ends, and the plan in which the others are built.

    The error is what kept the run from finding out what such a build needs.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(lambda action: _copied(action, tools), plan.to_copy))
    results = {result.name: result for result in ends if result}
    left = [action.name for action in plan.to_copy if action.name not in results]
    if not left or tools.stop.is_set():
        return plan, results, None
    try:
        return plan.instead(_building(plan, left, tools)), results, None
    except UnknownError as error:
        return plan, results, error


def _copied(action: ImageAction, tools: Tools) -> ImageResult | None:
    from pipeline.edge.registry import supply  # noqa: PLC0415 - httpx costs 60 ms

    if action.source is None or tools.stop.is_set():
        return None
    started = time.monotonic()
    tools.report(ImageChanged(action.name, Stage.COPYING, action.reason))
    try:
        digest = supply(tools.registry, action.source, action.reference, tools.stop)
    except PipelineError as error:
        if not tools.stop.is_set():
            why = f"`{action.name}` could not be copied, and is built: {error.message}"
            tools.report(Notice(why))
            tools.report(ImageChanged(action.name, Stage.WAITING))
        return None
    seconds = time.monotonic() - started
    return end(tools, action, ImageStatus.COPIED, action.reason, digest, seconds=seconds)


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
