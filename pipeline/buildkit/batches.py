"""Choose which of the images to build go into one BuildKit solve. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..model.actions import ImageAction
    from ..model.image import Image
    from ..reference import ImageName

_MAKING_LAYERS = frozenset({"ADD", "COPY", "RUN", "WORKDIR"})


def next_batch(
    pending: Sequence[ImageAction], *, at_most: int, later: Collection[ImageName] = ()
) -> tuple[ImageAction, ...]:
    """Return the images of `pending` (in build order) for the next solve, `at_most` of them.

    A base of an image in the batch is in the batch too, or is not pending. Two kinds of images end
    a branch, so that their dependents wait for a later batch: an image with a test, which is pushed
    only after its test has passed, and an image that may have no layer. Those in `later`, and what
    depends on them, are left for another solve.
    """
    waiting: set[ImageName] = {action.name for action in pending}
    batch: list[ImageAction] = []
    for action in pending:
        if len(batch) == at_most:
            break
        if action.name not in later and waiting.isdisjoint(action.image.base_names):
            batch.append(action)
            if action.image.test is None and _has_layers(action.image):
                waiting.discard(action.name)
    return tuple(batch)


def _has_layers(image: Image) -> bool:
    """Return whether an image certainly has a layer that buildx can pass on within a solve.

    Without one, as with `FROM scratch` and `ENV` alone, its dependents fail with "unsupported
    context source target" (buildx `waitContextDeps`).
    """
    written = (i.keyword for stage in image.source.stages for i in stage.instructions)
    return bool(image.externals) or not _MAKING_LAYERS.isdisjoint(written)


def blocked_by(
    pending: Sequence[ImageAction], failed: Collection[ImageName]
) -> dict[ImageName, ImageName]:
    """Map each of `pending` (in build order) that depends on a failed image to that image."""
    fault: dict[ImageName, ImageName] = {name: name for name in failed}
    blocked = {}
    for action in pending:
        bad = next((base for base in action.image.base_names if base in fault), None)
        if bad is not None and action.name not in fault:
            fault[action.name] = blocked[action.name] = fault[bad]
    return blocked
