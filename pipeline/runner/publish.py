"""Publish what was pushed: put its manifest under the tag that all runs look for, and agree on it.

Several runs of one commit may build the same image at once, and two builds seldom have the same
digest. A registry has no compare-and-swap, so the runs agree as in Fischer's algorithm (Lamport,
"A fast mutual exclusion algorithm", 1987): look at the tag, put the manifest if nothing is there,
wait longer than anybody takes from the look to the put, and look again. What stands there then is
the image, for the run that put it as for those that did not: for reports, for what is built on it,
for aliases and for deploys.

How long others take is not known. They do what we do at the same registry, so we wait twice the
longest time that we took ourselves, within bounds. A run that is held up for longer between its two
requests (a machine that sleeps) can still replace the tag after all others agreed. Whichever image
it is then, it is whole: a manifest is put last, when all that it names is there.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import graph
from ..buildkit.staging import staged
from ..errors import PipelineError, UnknownError
from ..model.presence import Absent, Present
from ..registry.errors import AbsentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.plan import ImageAction
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


class Pushed(Struct, frozen=True):
    """An image that this run pushed, and its manifest as the registry holds it."""

    action: ImageAction
    manifest: Manifest


def read_staged(
    actions: Sequence[ImageAction], tools: Tools
) -> Mapping[ImageName, Manifest | Absent | UnknownError]:
    """What the registry holds under each image's staging tag: one request each, in parallel."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda action: _read(action, tools), actions)
        return dict(zip((a.name for a in actions), found, strict=True))


def publish(
    images: Sequence[Pushed], registry: Registry
) -> Mapping[ImageName, Presence | PipelineError]:
    """Publish images, bases first, and say what stands under the tag of each in the end.

    Two or three requests each, and one wait for all. What is forced replaces what is there; where
    the registry does not let it, a `KeptTagError` stands for it.
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
    lost = {name: span for name, span in spans.items() if isinstance(span, PipelineError)}
    time.sleep(min(max(2 * max(done.values(), default=0.0), LEAST_WAIT), MOST_WAIT))
    answers = registry.head_all([by_name[name].action.reference for name in done])
    return {**{name: answers[by_name[name].action.reference] for name in done}, **lost}


def _read(action: ImageAction, tools: Tools) -> Manifest | Absent | UnknownError:
    try:
        return tools.registry.manifest(staged(action.reference, tools.mark))
    except AbsentError:
        return Absent()
    except UnknownError as error:
        return error


def _put(image: Pushed, registry: Registry) -> float | PipelineError:
    """Put a manifest under its tag unless another is there; the seconds from look to put."""
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
    """Whether a put that failed was not needed: another run's is there, or ours arrived after all.

    Between our look and our put another run may have published; where no tag can be overwritten,
    ours is refused then, by each registry in its own words.
    """
    try:
        found = registry.head(image.action.reference)
    except UnknownError:
        return False
    if not isinstance(found, Present):
        return False
    return not image.action.forced or found.digest == image.manifest.digest
