"""Move aliases: put an image's manifest under another tag of its repository. Nothing is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import PipelineError, UnknownError, WorkError
from ..model.events import Notice
from ..model.fingerprint_tag import WHY, may_be_fingerprint
from ..model.report import Failure, ImageStatus
from ..registry.copy import promised, put

if TYPE_CHECKING:
    from ..model.actions import ImageAction
    from ..model.plan import Plan
    from ..model.report import ImageResult
    from .tools import Tools

DONE = frozenset({ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.EXISTS})


def move_aliases(plan: Plan, tools: Tools) -> None:
    """Move the aliases of all images that exist now; an image whose alias cannot be moved fails.

    Aliases move after all builds, so that a set of moving tags changes as closely together as a
    registry lets it. Raises the first `UnknownError`, after all aliases were tried.
    """
    if tools.stop.is_set():
        return
    images = tools.results.images
    first: UnknownError | None = None
    for action in plan.images:
        if action.move and images[action.name].status in DONE:
            try:
                _move(action, images[action.name], tools)
            except PipelineError as error:
                if isinstance(error, UnknownError):
                    first = first or error
                images[action.name] = _not_moved(images[action.name], error)
    if first:
        raise first


def _move(action: ImageAction, result: ImageResult, tools: Tools) -> None:
    for alias in action.move:  # no file can name such an alias, but a library's caller can
        if may_be_fingerprint(str(alias.tag)):
            raise WorkError(f"`{alias}` cannot be an alias: it {WHY}")
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
