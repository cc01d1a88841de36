"""Keep the whole log of each image in a file: every step, its output, and the time of each line.

Events are masked before they are sent (`model.masking`), so that the files hold no more secrets
than what is printed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from ..model.events import ImageChanged, LogLine, Phase, StepChanged
from ..model.sanitize import visible, without_escapes
from ..process.log_folder import new_run, open_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..model.events import Event
    from ..reference import ImageName

_ENDED = frozenset({Phase.BUILT, Phase.COPIED, Phase.FAILED, Phase.BLOCKED, Phase.EXISTS})


class RunLogs:
    """Takes the events of a run, and writes those of an image to `NAME.log` in a folder of the run.

    The folder is made for the first image that begins. What cannot be written is left out: a full
    disk ends no build.
    """

    def __init__(self, parent: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._parent: Path | None = parent
        self._clock = clock
        self._started = clock()
        self._files: dict[ImageName, TextIO] = {}
        self._steps: dict[ImageName, str] = {}
        self._known: set[ImageName] = set()
        self.folder: Path | None = None

    def file_of(self, image: ImageName) -> str:
        """Return the path of an image's log; empty if it has none."""
        return str(self._path(image)) if image in self._known else ""

    def take(self, event: Event) -> None:
        """Write the lines of an event."""
        if self._parent is None or not isinstance(event, ImageChanged | StepChanged | LogLine):
            return
        lines = self._lines(event)
        if not lines or (isinstance(event, ImageChanged) and self._is_idle(event)):
            return
        try:
            file = self._file(event.image)
            for line in lines:
                file.write(f"{self._clock() - self._started:8.1f}  {line}\n")
        except OSError:
            self._parent = None  # Whatever the reason, it will not pass in this run.
        if isinstance(event, ImageChanged) and event.phase in _ENDED:
            self._close(event.image)

    def close(self) -> None:
        """Close all files."""
        for image in list(self._files):
            self._close(image)

    def _is_idle(self, event: ImageChanged) -> bool:
        """Return whether nothing was done for the image before its end."""
        return event.phase in {*_ENDED, Phase.WAITING} and event.image not in self._known

    def _lines(self, event: ImageChanged | StepChanged | LogLine) -> list[str]:
        match event:
            case ImageChanged():
                reason = f": {event.reason}" if event.reason else ""
                return [_safe(part) for part in f"{event.phase.value}{reason}".split("\n")]
            case LogLine():
                return [*self._named(event.image, event.step), f"  {_safe(event.text)}"]
            case StepChanged():
                end = _end(event)
                if event.completed:
                    self._steps.pop(event.image, None)
                    return [f"{_safe(event.step)} {end}"]
                return self._named(event.image, event.step)

    def _named(self, image: ImageName, step: str) -> list[str]:
        """Return the line that names a step, unless the line before is of this step, too."""
        if not step or self._steps.get(image) == step:
            return []
        self._steps[image] = step
        return [_safe(step)]

    def _path(self, image: ImageName) -> Path | str:
        return self.folder / f"{image}.log" if self.folder else ""

    def _file(self, image: ImageName) -> TextIO:
        if image not in self._files:
            if self.folder is None and self._parent is not None:
                self.folder = new_run(self._parent)
            self._files[image] = open_log(self._path(image))
            self._known.add(image)
        return self._files[image]

    def _close(self, image: ImageName) -> None:
        if file := self._files.pop(image, None):
            with suppress(OSError):
                file.close()


def _end(event: StepChanged) -> str:
    if event.cached:
        return "cached"
    word = "failed after" if event.failed else "cancelled after" if event.cancelled else "done in"
    return f"{word} {event.seconds:.1f} s"


def _safe(text: str) -> str:
    return visible(without_escapes(text)).rstrip()
