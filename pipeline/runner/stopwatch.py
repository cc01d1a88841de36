"""How long each image took, phase by phase, measured from the events of a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..model.events import ImageChanged, Phase, StepChanged
from ..model.report import Times

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.events import Event
    from ..reference import ImageName

_PARTS = {
    Phase.COPYING: "copy",
    Phase.BUILDING: "build",
    Phase.TESTING: "test",
    Phase.PUSHING: "push",
    Phase.VERIFYING: "publish",
}
"""The part of the time that a phase counts for; nothing runs in the other phases."""

_OUTPUTS = ("exporting to ", "pushing ")
"""How BuildKit names the steps that write an image; a no-op does not load `buildkit.steps`."""


class Stopwatch:
    """Takes events, and adds up the seconds that each image spent in each phase.

    A phase lasts until the next one of its image, so that the parts are the time from start to end.
    An image that is pushed and waits for others of its solve is being published already.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now: dict[ImageName, tuple[Phase, float]] = {}
        self._spent: dict[ImageName, dict[str, float]] = {}

    def take(self, event: Event) -> None:
        """Note the time at which an image entered another phase."""
        if isinstance(event, ImageChanged):
            self._enter(event.image, event.phase)
        elif isinstance(event, StepChanged) and event.step.startswith(_OUTPUTS):
            phase, _ = self._now.get(event.image, (Phase.WAITING, 0.0))
            if phase in {Phase.PUSHING, Phase.VERIFYING}:
                pushed = event.completed
                self._enter(event.image, Phase.VERIFYING if pushed else Phase.PUSHING)

    def times(self, image: ImageName) -> Times:
        """Return the times of an image until now."""
        self._end(image)
        return Times(**self._spent.get(image, {}))

    def seconds(self, image: ImageName) -> float:
        """Return the seconds of an image until now, while it goes on."""
        phase, since = self._now.get(image, (Phase.WAITING, 0.0))
        running = self._clock() - since if phase in _PARTS else 0.0
        return sum(self._spent.get(image, {}).values()) + running

    def _enter(self, image: ImageName, phase: Phase) -> None:
        self._end(image)
        self._now[image] = phase, self._clock()

    def _end(self, image: ImageName) -> None:
        phase, since = self._now.pop(image, (Phase.WAITING, 0.0))
        if part := _PARTS.get(phase):
            spent = self._spent.setdefault(image, {})
            spent[part] = spent.get(part, 0.0) + self._clock() - since
