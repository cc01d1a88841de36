"""What every deploy of a run is made with, and how the end of one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..model.events import AppChanged
from ..model.report import DeployResult, DeployStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..deploy.protocol import Driver
    from ..errors import UnknownError
    from ..model.apps import App, Running
    from ..model.hold import Held
    from ..model.plan import DeployStep, Plan
    from ..model.report import Failure, ImageResult
    from ..reference import ImageName
    from .tools import Tools

Ended = tuple["DeployResult", "UnknownError | None"]
"""How an app ended, and what could not be found out about it."""


class Work(Struct, frozen=True):
    """The plan, the driver that carries it out, and how the images ended; apps by their name."""

    plan: Plan
    driver: Driver
    images: Mapping[ImageName, ImageResult]
    tools: Tools
    apps: Mapping[str, App]


def blocked(tools: Tools, step: DeployStep, why: str) -> DeployResult:
    """The end of an app that was not tried."""
    return end(tools, step, DeployStatus.BLOCKED, why)


def held(tools: Tools, step: DeployStep, why: Held, now: Running | None) -> DeployResult:
    """The end of an app that is left as it is."""
    result = end(tools, step, DeployStatus.HELD, why.reason, now=now)
    return replace(result, deliberate=why.deliberate)


def end(  # noqa: PLR0913 - the fields of a result, said once
    tools: Tools,
    step: DeployStep,
    status: DeployStatus,
    reason: str,
    seconds: float = 0.0,
    *,
    now: Running | None = None,
    failure: Failure | None = None,
) -> DeployResult:
    """The end of an app; it is told. `now` is what the app runs, where that is known."""
    tools.report(AppChanged(step.app, status.value, reason, seconds))
    release, url = (now.release, now.url) if now else ("", "")
    ended = DeployResult(step.app, step.image, status, reason, release, url, seconds, failure)
    tools.ends.deploys[step.app] = ended
    return ended
