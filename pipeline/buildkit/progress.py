"""Turn BuildKit's records into our events. Pure: it holds what the stream has said so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..model.events import ImageChanged, LogLine, Notice, Phase, StepChanged
from .definition import Output
from .steps import (
    CANCELLED,
    Step,
    is_boot,
    is_cancelled,
    is_export,
    is_instruction,
    is_lost_session,
    is_of_another,
    is_push,
    materials,
    vertex_names,
)
from .stream import Log, OtherLine, Status, StreamRecord, Vertex, VertexWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..model.events import Event
    from ..reference import ImageName
    from .definition import Target
    from .steps import VertexNames


class Progress(Struct):
    """The state of a solve, according to its stream. `text` has the lines that are not JSON.

    `stopping` is set once the user wants to stop: what fails from then on counts as cancelled,
    whatever its error says. `boot` is the start of a builder that did not run, which is no image's.
    """

    targets: Mapping[ImageName, Target]
    names: VertexNames
    steps: dict[str, Step] = field(default_factory=dict)
    stages: dict[ImageName, Phase] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    pushed: dict[ImageName, str] = field(default_factory=dict)
    sources: dict[ImageName, dict[str, None]] = field(default_factory=dict)
    stopping: bool = False
    boot: Vertex | None = None
    _shown: set[ImageName] = field(default_factory=set)
    _warned: set[str] = field(default_factory=set)

    @property
    def failures(self) -> list[Step]:
        """The steps that failed; those that lost their connection only if no other step did."""
        failed = [step for step in self.steps.values() if step.failed]
        return [step for step in failed if not is_lost_session(step.error)] or failed

    def take(self, record: StreamRecord) -> list[Event]:
        """Add a record, and return the events that it causes."""
        match record:
            case Vertex():
                return self._vertex(record)
            case Status():
                return self._status(record)
            case Log():
                return self._log(record)
            case VertexWarning():
                return self._warning(record)
            case OtherLine():
                self.text.append(record.text)
                return []

    def end(self) -> list[Event]:
        """Return the events for what was still incomplete when the stream ended."""
        return [event for step in self.steps.values() for event in self._lines(step, step.flush())]

    def _step(self, digest: str) -> Step:
        return self.steps.setdefault(digest, Step(digest))

    def _vertex(self, vertex: Vertex) -> list[Event]:
        if is_boot(vertex.name):
            first, self.boot = self.boot is None, vertex
            return [Notice("starting the builder")] if first else []
        image, name = self.names.split(vertex.name)
        if image is None:
            return []
        self.sources.setdefault(image, {}).update(dict.fromkeys(materials(name)))
        step = self._step(vertex.digest)
        if vertex.error and self._is_cancelled(step, name, vertex.error):
            vertex = replace(vertex, error=CANCELLED)
        step.claim(image, name)
        news = step.update(image, vertex)
        if _own(name):
            self._shown.add(image)
        if not news or vertex.started is None or not self._is_of(image, step):
            return []
        lines = self._lines(step, step.flush()) if vertex.completed else []
        return [*self._stage(image, name, vertex), *lines, _changed(image, name, vertex)]

    def _is_cancelled(self, step: Step, name: str, error: str) -> bool:
        """Return whether a failed step only failed because the solve ended, whatever it says."""
        others = (other for other in self.failures if other is not step)
        return self.stopping or is_of_another(name, error, others)

    def _is_of(self, image: ImageName, step: Step) -> bool:
        """Return whether a step is an image's own, as far as it is known by now.

        The stream of a dependent may be ahead of its base's: until a base has shown a step of its
        own, any step could still turn out to be the base's.
        """
        waiting = self.names.ancestors[image] - self._shown
        return not waiting and image in self.names.owners(step)

    def _stage(self, image: ImageName, name: str, vertex: Vertex) -> list[Event]:
        """Return the stage that this step brings the image to."""
        if not _own(name) or vertex.started is None:
            return []
        return self._come_to(image, Phase.PUSHING if is_push(name) else Phase.BUILDING)

    def _come_to(self, image: ImageName, stage: Phase) -> list[Event]:
        if self.stages.get(image) in (stage, Phase.PUSHING):
            return []
        self.stages[image] = stage
        return [ImageChanged(image, stage)]

    def _status(self, status: Status) -> list[Event]:
        step = self._step(status.vertex)
        events: list[Event] = []
        for image in self.names.owners(step):
            if self._pushes(image, step, status):
                events += self._come_to(image, Phase.PUSHING)
        if status.total:
            step.amounts[status.id] = (status.current, status.total)
            events += self._amount(step)
        return events

    def _pushes(self, image: ImageName, step: Step, status: Status) -> bool:
        """Return whether a part of an export is a push; record the digest, which BuildKit names."""
        if not is_push(status.id) or not is_export(step.claims[image]):
            return False
        if status.completed and "@" in status.id:
            self.pushed[image] = status.id.rpartition("@")[2]
        return self.targets[image].output is Output.PUSH

    def _amount(self, step: Step) -> list[Event]:
        current, total = (sum(part) for part in zip(*step.amounts.values(), strict=True))
        return [
            StepChanged(image, step.claims[image], current=current, total=total)
            for image in self.names.owners(step)
            if not step.seen[image].completed
        ]

    def _log(self, log: Log) -> list[Event]:
        step = self._step(log.vertex)
        return self._lines(step, step.write(log.stream, log.data))

    def _lines(self, step: Step, lines: Sequence[str]) -> list[Event]:
        # A step that two images share is reported once, for the first.
        return [
            LogLine(image, step.claims[image], line)
            for image in self.names.owners(step)[:1]
            for line in lines
        ]

    def _warning(self, warned: VertexWarning) -> list[Event]:
        step = self.steps.get(warned.vertex)
        owners = self.names.owners(step) if step else []
        file = self.targets[owners[0]].image.source.file if owners else "Dockerfile"
        text = f"{file}:{warned.line}: {warned.text}" if warned.line else f"{file}: {warned.text}"
        if text in self._warned:
            return []
        self._warned.add(text)
        return [Notice(text)]


def progress(targets: Sequence[Target]) -> Progress:
    """Return the state of a solve of `targets` before it begins."""
    return Progress({target.image.name: target for target in targets}, vertex_names(targets))


def _own(step: str) -> bool:
    return is_instruction(step) or is_export(step) or is_push(step)


def _changed(image: ImageName, name: str, vertex: Vertex) -> StepChanged:
    return StepChanged(
        image,
        name,
        completed=vertex.completed is not None,
        cached=vertex.cached,
        failed=bool(vertex.error) and not is_cancelled(vertex.error),
        cancelled=is_cancelled(vertex.error),
        seconds=_seconds(vertex.started, vertex.completed),
    )


def _seconds(began: datetime | None, ended: datetime | None) -> float:
    """Return the seconds between two times of the builder's clock, which may have been set back."""
    return max((ended - began).total_seconds(), 0.0) if began and ended else 0.0
