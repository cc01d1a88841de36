"""Publish what a solve pushed: agree with other runs on one image, and record how each ended.

Several runs of one commit may build the same image at once, and two builds seldom have the same
digest. A registry has no compare-and-swap, so the runs agree as in Fischer's algorithm (Lamport,
"A fast mutual exclusion algorithm", 1987): look at the tag, put the manifest if nothing is there,
wait longer than any run takes from the look to the put, and look again. What the tag is then is the
image, for the run that put it as for the others: for reports, for what is built on it, for aliases
and for deploys.

How long others take is not known. They do what we do at the same registry, so we wait twice the
longest time that we took ourselves, within bounds. A run that is held up for longer between its two
requests (a machine that sleeps) can still replace the tag after all others agreed. Whichever image
it is then, it is complete: a manifest is put last, when all that it names is there.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import graph
from ..buildkit.engine import connect, rename
from ..buildkit.outcome import Broken, Built, Cancelled
from ..buildkit.staging import staged
from ..errors import PipelineError, UnknownError
from ..model.events import ImageChanged, Phase
from ..model.presence import Absent, Present
from ..model.report import Failure, ImageStatus
from ..model.settings import BuildSettings
from ..registry.errors import AbsentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..buildkit.outcome import Outcome
    from ..model.actions import ImageAction
    from ..model.presence import Presence
    from ..reference import ImageName
    from ..registry.client import Registry
    from ..registry.manifest import Manifest
    from .tools import Tools

LEAST_WAIT, MOST_WAIT = 0.2, 2.0
"""Bounds, in seconds, of the wait between the last put and the second look.

On a machine with much else to do, a process may stand still for a tenth of a second.
"""

_AT_ONCE = 16
_RENAMED_AT_ONCE = 8
_FIRST = "another run published it first"
_LATER = "another run published it as well, and later"
_CANCELLED = "pushed before the build was cancelled"


class Pushed(Struct, frozen=True):
    """An image that this run pushed, and its manifest as the registry holds it."""

    action: ImageAction
    manifest: Manifest


def publish_batch(
    batch: Sequence[ImageAction],
    outcomes: Mapping[ImageName, Outcome],
    tools: Tools,
    before_tags: Callable[[Sequence[Pushed]], None],
) -> None:
    """Publish what a solve pushed, and record how each of its images ended.

    A cancelled image may have been pushed before, if its export was seen to begin: its staging tag
    says so, as no other run uses it. What was pushed unseen is not published, as nobody knows what
    was run for it. An image of which nothing is recorded was not pushed, or the registry does not
    say. The digest that BuildKit named must be the one that the registry holds. `before_tags` is
    called with what was pushed, before it gets its tags.

    Raises the first `UnknownError`, after all that is known was recorded.
    """
    waiting = [action for action in batch if _may_be_pushed(action, outcomes)]
    for action in waiting:
        tools.report(ImageChanged(action.name, Phase.VERIFYING))
    staged_images = read_staged(waiting, tools)
    wrong = {a.name: _mismatch(a, outcomes, staged_images[a.name], tools) for a in waiting}
    pushed = [
        Pushed(action, manifest)
        for action in waiting
        if not wrong[action.name]
        and not isinstance(manifest := staged_images[action.name], Absent | UnknownError)
    ]
    manifests = {image.action.name: image.manifest for image in pushed}
    before_tags(pushed)
    answers = publish(pushed, tools.registry)
    for action in batch:
        outcome, answer = outcomes.get(action.name), answers.get(action.name)
        if isinstance(outcome, Broken):
            tools.fail_image(action, outcome.failure)
        elif why := wrong.get(action.name):
            tools.fail_image(action, Failure("verify", why))
        elif isinstance(answer, PipelineError):
            if not isinstance(answer, UnknownError):
                tools.fail_image(action, Failure("publish", answer.message, hint=answer.hint))
        elif answer is not None:
            _record_published(action, manifests[action.name], outcome, answer, tools)
    every = (*staged_images.values(), *answers.values())
    if error := next((one for one in every if isinstance(one, UnknownError)), None):
        raise error


def read_staged(
    actions: Sequence[ImageAction], tools: Tools
) -> Mapping[ImageName, Manifest | Absent | UnknownError]:
    """Read the manifest under each image's staging tag: one request each, in parallel."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda action: _read(action, tools), actions)
        return dict(zip((a.name for a in actions), found, strict=True))


def publish(
    images: Sequence[Pushed], registry: Registry
) -> Mapping[ImageName, Presence | PipelineError]:
    """Publish images, bases first, and say what each one's tag is in the end.

    That takes two or three requests each, and one wait for all. A forced image replaces the one
    that exists; where the registry does not permit that, the answer is a `KeptTagError`.
    """
    if not images:
        return {}
    registry.pushes_to(image.action.reference.repository for image in images)
    by_name = {image.action.name: image for image in images}
    spans: dict[ImageName, float | PipelineError] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for level in graph.levels({n: i.action.image.base_names for n, i in by_name.items()}):
            took = pool.map(lambda name: _put(by_name[name], registry), level)
            spans |= dict(zip(level, took, strict=True))
    done = {name: span for name, span in spans.items() if not isinstance(span, PipelineError)}
    failed = {name: span for name, span in spans.items() if isinstance(span, PipelineError)}
    # Not cut short by Ctrl-C: the answers below are right only after the whole wait.
    time.sleep(min(max(2 * max(done.values(), default=0.0), LEAST_WAIT), MOST_WAIT))
    answers = registry.head_all([by_name[name].action.reference for name in done])
    return {**{name: answers[by_name[name].action.reference] for name in done}, **failed}


def name_on_engine(batch: Sequence[ImageAction], settings: BuildSettings, tools: Tools) -> None:
    """Rename the images that the builder `default` left on the local engine under staging tags.

    The engine keeps what it pushed, under the tag that it was pushed to (`buildkit.staging`); other
    builders keep images elsewhere. The images are published by now, so no error of the engine
    matters.
    """
    if settings.builder != BuildSettings().builder:
        return

    def rename_one(action: ImageAction) -> None:
        result = tools.results.images.get(action.name)
        digest = result.digest if result else None
        rename(client, staged(action.reference, tools.mark), action.reference, digest)

    with (
        suppress(UnknownError),
        connect(tools.environ) as client,
        ThreadPoolExecutor(_RENAMED_AT_ONCE) as pool,
    ):
        list(pool.map(rename_one, batch))


def _may_be_pushed(action: ImageAction, outcomes: Mapping[ImageName, Outcome]) -> bool:
    outcome = outcomes.get(action.name)
    if isinstance(outcome, Cancelled):
        return outcome.written and action.image.test is None
    return isinstance(outcome, Built)


def _mismatch(
    action: ImageAction,
    outcomes: Mapping[ImageName, Outcome],
    found: Manifest | Absent | UnknownError,
    tools: Tools,
) -> str:
    """Say how what was built differs from what the registry holds; empty if it does not."""
    outcome = outcomes.get(action.name)
    if not isinstance(outcome, Built) or isinstance(found, UnknownError):
        return ""
    if isinstance(found, Absent):
        return f"it was pushed, and the registry has no `{staged(action.reference, tools.mark)}`"
    if outcome.digest and outcome.digest != found.digest:
        return f"`{outcome.digest}` was pushed, and the registry holds `{found.digest}`"
    return ""


def _record_published(
    action: ImageAction,
    manifest: Manifest,
    outcome: Outcome | None,
    answer: Presence,
    tools: Tools,
) -> None:
    if isinstance(answer, Absent):
        message = f"it was published, and the registry has no `{action.reference}`"
        tools.fail_image(action, Failure("verify", message))
        return
    why = action.reason if isinstance(outcome, Built) else _CANCELLED
    if answer.digest != manifest.digest:
        why = _LATER if action.forced else _FIRST
    tools.end_image(action, ImageStatus.BUILT, why, answer.digest)


def _read(action: ImageAction, tools: Tools) -> Manifest | Absent | UnknownError:
    try:
        return tools.registry.manifest(staged(action.reference, tools.mark))
    except AbsentError:
        return Absent()
    except UnknownError as error:
        return error


def _put(image: Pushed, registry: Registry) -> float | PipelineError:
    """Put a manifest under its tag unless another is there; return the seconds from look to put."""
    action, began = image.action, time.monotonic()
    try:
        if not action.forced and not isinstance(registry.head(action.reference), Absent):
            # A put would have taken as long again.
            return 2 * (time.monotonic() - began)
        registry.put(action.reference, image.manifest)
    except PipelineError as error:
        if not _is_settled(image, registry):
            return error
    return time.monotonic() - began


def _is_settled(image: Pushed, registry: Registry) -> bool:
    """Return whether a failed put does not matter: the tag is another run's, or ours after all.

    Between our look and our put another run may have published. If the registry keeps tags, it
    refuses ours then, each registry in its own words.
    """
    try:
        found = registry.head(image.action.reference)
    except UnknownError:
        return False
    if not isinstance(found, Present):
        return False
    return not image.action.forced or found.digest == image.manifest.digest
