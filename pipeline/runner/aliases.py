"""Move aliases: the same manifest, put under another tag of its repository. Nothing is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import PipelineError, UnknownError, WorkError
from ..model.events import Notice
from ..model.fingerprint_tag import WHY, may_be_fingerprint
from ..model.report import Failure, ImageResult, ImageStatus
from ..registry.copy import promised, put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.plan import ImageAction, Plan
    from ..reference import ImageName
    from .tools import Tools

DONE = frozenset({ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.EXISTS})


def move_aliases(
    plan: Plan,
    results: Mapping[ImageName, ImageResult],
    trouble: UnknownError | None,
    tools: Tools,
) -> tuple[dict[ImageName, ImageResult], UnknownError | None]:
    """Put the aliases of all images that are there on them; an image whose alias fails has failed.

    Aliases move after all builds, so that a set of moving tags changes as closely together as a
    registry lets it.
    """
    moved = dict(results)
    if trouble or tools.stop.is_set():
        return moved, trouble
    for action in plan.images:
        if action.move and results[action.name].status in DONE:
            try:
                _move(action, results[action.name], tools)
            except PipelineError as error:
                if isinstance(error, UnknownError):
                    trouble = trouble or error
                moved[action.name] = _not_moved(results[action.name], error)
    return moved, trouble


def _move(action: ImageAction, result: ImageResult, tools: Tools) -> None:
    for alias in action.move:  # no file gives such a one, but a program that uses us may
        if may_be_fingerprint(str(alias.tag)):
            raise WorkError(f"`{alias}` is no alias: it {WHY}")
    if result.digest is None:
        raise UnknownError(f"the digest of `{action.name}` is not known")
    manifest = promised(tools.registry, result.reference.pinned(result.digest))
    for alias in action.move:
        put(tools.registry, alias, manifest)
        tools.report(Notice(f"`{alias}` is now `{result.reference}`"))


def _not_moved(result: ImageResult, error: PipelineError) -> ImageResult:
    failure = Failure("alias", error.message, hint=error.hint)
    reason = f"its aliases could not be moved: {error.message}"
    return replace(result, status=ImageStatus.FAILED, reason=reason, failure=failure)
