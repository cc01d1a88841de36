"""What the library tells while it works: frozen values, handed to a reporter.

The library never prints. Whoever wants to see something passes a `Reporter`; the console is one.
Events of one run arrive from several threads; the runner serialises them, so a reporter needs no
lock of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..errors import Problem
    from ..reference import ImageName
    from .plan import Plan
    from .report import Report


class Stage(StrEnum):
    """Where an image is in its run."""

    WAITING = "waiting"
    COPYING = "copying"
    BUILDING = "building"
    TESTING = "testing"
    PUSHING = "pushing"
    VERIFYING = "verifying"
    BUILT = "built"
    COPIED = "copied"
    EXISTS = "exists"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made; the work begins."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class ImageChanged:
    """An image has come to another stage; `reason` says why where that is not plain."""

    image: ImageName
    stage: Stage
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StepChanged:
    """A step of a Dockerfile (a vertex of BuildKit's) has started, made progress or ended.

    `step` is BuildKit's own name for it, without the target's name: `[2/5] RUN apt-get update`.
    A `completed` one may have `failed`, or be `cancelled` because another did, or the user wished
    so; it may then begin again. `current` and `total` are bytes, 0 where BuildKit says none.
    """

    image: ImageName
    step: str
    completed: bool = False
    cached: bool = False
    failed: bool = False
    cancelled: bool = False
    seconds: float = 0.0
    current: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a step, or a test, wrote."""

    image: ImageName
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the user that is no error: a retry, a warning of the builder's."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that a tag may hide: told before anything is built."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class AppChanged:
    """An app has come to another stage: `deploying`, `checking`, or a status of the report."""

    app: str
    stage: str
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over, however it ended."""

    report: Report


Event = Planned | ImageChanged | StepChanged | LogLine | Notice | Warned | AppChanged | Finished


class Reporter(Protocol):
    """Is told of each event, in order. It must not raise and must return quickly."""

    def __call__(self, event: Event, /) -> None:
        """Take one event."""


def silent(_event: Event, /) -> None:
    """Listen to nothing: the reporter of a library call that names none."""
