"""After a solve: what the registry holds decides how each image ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.core.events import ImageChanged, Stage
from pipeline.core.presence import Absent, Present
from pipeline.core.report import Failure, ImageResult, ImageStatus
from pipeline.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.core.plan import ImageAction
    from pipeline.core.presence import Presence
    from pipeline.core.reference import Digest, ImageName
    from pipeline.edge.buildkit import Built, Outcome
    from pipeline.shell.tools import Tools


def confirm(
    batch: Sequence[ImageAction], outcomes: Mapping[ImageName, Outcome], tools: Tools
) -> dict[ImageName, ImageResult]:
    """Say how each image of a solve ended; one that is left out was cancelled, and not pushed.

    The digest that BuildKit named must be the one that the registry holds. An image that was
    cancelled may have been pushed before: it is built when the registry says so, unless it was
    forced, for then its tag may be older than this run.
    Raises `UnknownError` when the registry does not say.
    """
    from pipeline.edge.buildkit import Broken  # noqa: PLC0415 - the edge is opened late

    broken = {n: o for n, o in outcomes.items() if isinstance(o, Broken)}
    asked = [a for a in batch if a.name not in broken and _may_be_pushed(a, outcomes)]
    for action in asked:
        tools.report(ImageChanged(action.name, Stage.VERIFYING))
    answers = tools.registry.head_all([a.reference for a in asked])
    ended = {
        a.name: _failed(tools, a, broken[a.name].failure, broken[a.name].seconds)
        for a in batch
        if a.name in broken
    }
    for action in asked:
        result = _result(tools, action, outcomes.get(action.name), answers[action.reference])
        if result:
            ended[action.name] = result
    return ended


def end(  # noqa: PLR0913 - the fields of a result, said once
    tools: Tools,
    action: ImageAction,
    status: ImageStatus,
    reason: str,
    digest: Digest | None = None,
    *,
    seconds: float = 0.0,
    failure: Failure | None = None,
) -> ImageResult:
    """An image's end, told to the reporter."""
    tools.report(ImageChanged(action.name, Stage(status.value), reason, seconds))
    return ImageResult(action.name, status, action.reference, reason, digest, seconds, failure)


def _may_be_pushed(action: ImageAction, outcomes: Mapping[ImageName, Outcome]) -> bool:
    from pipeline.edge.buildkit import Built  # noqa: PLC0415 - the edge is opened late

    if isinstance(outcomes.get(action.name), Built):
        return True
    return action.image.test is None and not action.forced


def _failed(
    tools: Tools, action: ImageAction, failure: Failure, seconds: float = 0.0
) -> ImageResult:
    status = ImageStatus.FAILED
    return end(tools, action, status, failure.message, seconds=seconds, failure=failure)


def _result(
    tools: Tools,
    action: ImageAction,
    outcome: Outcome | None,
    answer: Presence | UnknownError,
) -> ImageResult | None:
    from pipeline.edge.buildkit import Built  # noqa: PLC0415 - the edge is opened late

    if isinstance(answer, UnknownError):
        raise answer
    if isinstance(outcome, Built):
        return _built(tools, action, outcome, answer)
    if isinstance(answer, Present):
        why = "pushed before the build was cancelled"
        return end(tools, action, ImageStatus.BUILT, why, answer.digest)
    return None


def _built(tools: Tools, action: ImageAction, outcome: Built, answer: Presence) -> ImageResult:
    if isinstance(answer, Absent):
        message = f"it was pushed, and the registry has no `{action.reference}`"
        return _failed(tools, action, Failure("verify", message))
    if outcome.digest and outcome.digest != answer.digest:
        message = f"`{outcome.digest}` was pushed, and the registry holds `{answer.digest}`"
        return _failed(tools, action, Failure("verify", message))
    return end(
        tools, action, ImageStatus.BUILT, action.reason, answer.digest, seconds=outcome.seconds
    )
