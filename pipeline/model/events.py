"""What the library tells while it works: frozen values, handed to a reporter.

The library never prints. Whoever wants to see something passes a `Reporter`; the console is one.
Events of one run arrive from several threads; the runner serialises them, so a reporter needs no
lock of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

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


class Planned(Struct, frozen=True):
    """The plan is made; the work begins."""

    plan: Plan


class ImageChanged(Struct, frozen=True):
    """An image has come to another stage; `reason` says why where that is not plain."""

    image: ImageName
    stage: Stage
    reason: str = ""
    seconds: float = 0.0


class StepChanged(Struct, frozen=True):
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


class LogLine(Struct, frozen=True):
    """A line that a step, or a test, wrote."""

    image: ImageName
    step: str
    text: str


class Notice(Struct, frozen=True):
    """A sentence for the user that is no error: a retry, a warning of the builder's."""

    text: str


class Warned(Struct, frozen=True):
    """Something that a tag may hide: told before anything is built."""

    problem: Problem


class AppChanged(Struct, frozen=True):
    """An app has come to another stage: `deploying`, `checking`, or a status of the report."""

    app: str
    stage: str
    reason: str = ""
    seconds: float = 0.0


class Finished(Struct, frozen=True):
    """The run is over, however it ended."""

    report: Report


Event = Planned | ImageChanged | StepChanged | LogLine | Notice | Warned | AppChanged | Finished


class Reporter(Protocol):
    """Is told of each event, in order. It must not raise and must return quickly."""

    def __call__(self, event: Event, /) -> None:
        """Take one event."""


def silent(_event: Event, /) -> None:
    """Listen to nothing: the reporter of a library call that names none."""
