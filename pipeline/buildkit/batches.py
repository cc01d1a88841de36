"""Which of the images that must be built go into one BuildKit solve."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..model.actions import ImageAction
    from ..model.image import Image
    from ..reference import ImageName

_MAKING_LAYERS = frozenset({"ADD", "COPY", "RUN", "WORKDIR"})


def next_batch(pending: Sequence[ImageAction], *, at_most: int) -> tuple[ImageAction, ...]:
    """The images of `pending` (in build order) that can be built in one solve, at most so many.

    A base of an image in the batch is in the batch too, or is not pending. An image with a test
    ends a branch: what stands on it waits until the test has passed and the image is pushed. So
    does one that may have no layer.
    """
    waiting: set[ImageName] = {action.name for action in pending}
    batch: list[ImageAction] = []
    for action in pending:
        if len(batch) == at_most:
            break
        if waiting.isdisjoint(action.image.base_names):
            batch.append(action)
            if action.image.test is None and _has_layers(action.image):
                waiting.discard(action.name)
    return tuple(batch)


def _has_layers(image: Image) -> bool:
    """Whether there surely is something for buildx to hand on within a solve.

    Of an image without a layer, as of `FROM scratch` and `ENV` alone, it hands on nothing, and what
    stands on it fails with "unsupported context source target" (`waitContextDeps`).
    """
    written = (i.keyword for stage in image.source.stages for i in stage.instructions)
    return bool(image.externals) or not _MAKING_LAYERS.isdisjoint(written)


def blocked_by(
    pending: Sequence[ImageAction], failed: Collection[ImageName]
) -> dict[ImageName, ImageName]:
    """For each of `pending` (in build order) that stands on a failed image: the one at fault."""
    fault: dict[ImageName, ImageName] = {name: name for name in failed}
    blocked = {}
    for action in pending:
        bad = next((base for base in action.image.base_names if base in fault), None)
        if bad is not None and action.name not in fault:
            fault[action.name] = blocked[action.name] = fault[bad]
    return blocked
