"""Events: frozen values that the library hands to a reporter while it works.

The library never prints. To see something, pass a `Reporter`; the console is one. Events of one run
come from several threads; the runner serializes them, so a reporter needs no lock of its own.
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


class Phase(StrEnum):
    """The phase that an image is in during a run."""

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
    """The plan is made, and the work begins."""

    plan: Plan


class ImageChanged(Struct, frozen=True):
    """An image has entered another phase; `reason` says why, if that is not obvious."""

    image: ImageName
    phase: Phase
    reason: str = ""
    seconds: float = 0.0


class StepChanged(Struct, frozen=True):
    """A step of a Dockerfile (a vertex in BuildKit) has started, made progress or ended.

    `step` is BuildKit's own name for it, without the target's name: `[2/5] RUN apt-get update`.
    A `completed` step may have `failed`, or been `cancelled` because another step failed or the
    user stopped the run; it may then start again. `current` and `total` are bytes, 0 if BuildKit
    names none.
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
    """A line of output of a step or a test."""

    image: ImageName
    step: str
    text: str


class Notice(Struct, frozen=True):
    """A sentence for the user that is not an error: a retry, a warning of the builder."""

    text: str


class Warned(Struct, frozen=True):
    """A warning of the plan: something that a tag may hide. It comes before anything is built."""

    problem: Problem


class AppChanged(Struct, frozen=True):
    """An app has entered another phase: `deploying`, `checking`, or a status of the report."""

    app: str
    phase: str
    reason: str = ""
    seconds: float = 0.0


class Finished(Struct, frozen=True):
    """The run is over."""

    report: Report


Event = Planned | ImageChanged | StepChanged | LogLine | Notice | Warned | AppChanged | Finished


class Reporter(Protocol):
    """A function that gets each event, in order. It must not raise, and must return quickly."""

    def __call__(self, event: Event, /) -> None:
        """Take an event."""


def silent(_event: Event, /) -> None:
    """Ignore an event: the reporter of a library call that names none."""
