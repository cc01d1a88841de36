"""After a solve: publish what was pushed; what the registry then holds decides how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..buildkit.outcome import Broken, Built, Cancelled
from ..buildkit.staging import staged
from ..errors import PipelineError, UnknownError
from ..model.events import ImageChanged, Stage
from ..model.presence import Absent
from ..model.report import Failure, ImageResult, ImageStatus
from .publish import Pushed, publish, read_staged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..buildkit.outcome import Outcome
    from ..model.plan import ImageAction
    from ..model.presence import Presence
    from ..reference import Digest, ImageName
    from ..registry.manifest import Manifest
    from .tools import Tools

Ended = tuple[dict["ImageName", ImageResult], UnknownError | None]
"""How images ended, and the first of what could not be found out."""

_FIRST = "another run published it first"
_LATER = "another run published it as well, and later"
_CANCELLED = "pushed before the build was cancelled"


def confirm(
    batch: Sequence[ImageAction], outcomes: Mapping[ImageName, Outcome], tools: Tools
) -> Ended:
    """Publish what a solve pushed, and say how each of its images ended.

    One that was cancelled may have been pushed before, if its export was seen to begin: its staging
    tag says so, for no other run uses it. What was pushed unseen is not published, for nobody knows
    what was run for it. One that is left out was not pushed, or the registry does not say.
    The digest that BuildKit named must be the one that the registry holds.
    """
    broken = {n: o for n, o in outcomes.items() if isinstance(o, Broken)}
    asked = [a for a in batch if a.name not in broken and _may_be_pushed(a, outcomes)]
    for action in asked:
        tools.report(ImageChanged(action.name, Stage.VERIFYING))
    found = read_staged(asked, tools)
    wrong = {a.name: why for a in asked if (why := _fault(a, outcomes, found[a.name], tools))}
    pushed = [
        Pushed(action, manifest)
        for action in asked
        if action.name not in wrong
        and not isinstance(manifest := found[action.name], Absent | UnknownError)
    ]
    answers = publish(pushed, tools.registry)
    failures = {n: (o.failure, o.seconds) for n, o in broken.items()}
    failures |= {name: (Failure("verify", why), 0.0) for name, why in wrong.items()}
    ended = {a.name: _failed(tools, a, *failures[a.name]) for a in batch if a.name in failures}
    for image in pushed:
        name = image.action.name
        answer = answers[name]
        if not isinstance(answer, PipelineError):
            ended[name] = _published(tools, image, outcomes.get(name), answer)
        elif not isinstance(answer, UnknownError):
            failure = Failure("publish", answer.message, hint=answer.hint)
            ended[name] = _failed(tools, image.action, failure)
    errors = (one for one in (*found.values(), *answers.values()) if isinstance(one, UnknownError))
    return ended, next(errors, None)


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
    ended = ImageResult(action.name, status, action.reference, reason, digest, seconds, failure)
    tools.ends.images[action.name] = ended
    return ended


def _may_be_pushed(action: ImageAction, outcomes: Mapping[ImageName, Outcome]) -> bool:
    outcome = outcomes.get(action.name)
    if isinstance(outcome, Cancelled):
        return outcome.written and action.image.test is None
    return isinstance(outcome, Built)


def _fault(
    action: ImageAction,
    outcomes: Mapping[ImageName, Outcome],
    found: Manifest | Absent | UnknownError,
    tools: Tools,
) -> str:
    """What is wrong with an image that was built and pushed, or nothing."""
    outcome = outcomes.get(action.name)
    if not isinstance(outcome, Built) or isinstance(found, UnknownError):
        return ""
    if isinstance(found, Absent):
        return f"it was pushed, and the registry has no `{staged(action.reference, tools.mark)}`"
    if outcome.digest and outcome.digest != found.digest:
        return f"`{outcome.digest}` was pushed, and the registry holds `{found.digest}`"
    return ""


def _failed(
    tools: Tools, action: ImageAction, failure: Failure, seconds: float = 0.0
) -> ImageResult:
    status = ImageStatus.FAILED
    return end(tools, action, status, failure.message, seconds=seconds, failure=failure)


def _published(
    tools: Tools, image: Pushed, outcome: Outcome | None, answer: Presence
) -> ImageResult:
    action = image.action
    seconds = outcome.seconds if isinstance(outcome, Built) else 0.0
    if isinstance(answer, Absent):
        message = f"it was published, and the registry has no `{action.reference}`"
        return _failed(tools, action, Failure("verify", message), seconds)
    why = action.reason if isinstance(outcome, Built) else _CANCELLED
    if answer.digest != image.manifest.digest:
        why = _LATER if action.forced else _FIRST
    return end(tools, action, ImageStatus.BUILT, why, answer.digest, seconds=seconds)
