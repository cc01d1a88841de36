"""The status of apps: what each runs, compared with what the project's files want."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import PipelineError, UnknownError
from .apps import HOW_TO_RUN, NOT_RUN, MissingAppsError
from .configuration import why_differs
from .hold import hold
from .presence import Present

if TYPE_CHECKING:
    from ..reference import Digest, ImageName, Reference
    from .apps import App, Running
    from .presence import Presence


class AppState(StrEnum):
    """The state of an app. One that is not healthy is `unhealthy`, whatever it runs.

    `held` is one that runs something else on purpose: no run deploys it (`model.hold`).
    """

    CURRENT = "current"
    OUTDATED = "outdated"
    HELD = "held"
    UNHEALTHY = "unhealthy"
    MISSING = "missing"
    UNKNOWN = "unknown"


class AppStatus(Struct, frozen=True):
    """What an app runs `now` (`None` for nothing, or if it is not known), and what is `wanted`.

    `app` is `None` in the one row for all apps of an image whose names are not known (`not_asked`).
    `digest` is what the registry has under `wanted`, `None` if it has nothing or is not known.
    `hint` says what to do about an app that is missing or not known.
    """

    app: str | None
    image: ImageName
    state: AppState
    reason: str
    wanted: Reference
    digest: Digest | None = None
    now: Running | None = None
    hint: str = ""


class Orphan(Struct, frozen=True):
    """An app that the project deployed, and that no image of it names any more. It still runs."""

    app: str
    now: Running


class ProjectStatus(Struct, frozen=True):
    """The status of each app that was asked for, and the orphans, if the driver knows them."""

    apps: tuple[AppStatus, ...]
    orphans: tuple[Orphan, ...] = ()


def judge(
    app: App,
    wanted: Reference,
    presence: Presence | UnknownError,
    now: Running | PipelineError | None,
) -> AppStatus:
    """Return the status of an app, from the answers of registry and driver."""
    state, reason = _judge(presence, now)
    digest = presence.digest if isinstance(presence, Present) else None
    running = None if isinstance(now, PipelineError) else now
    if state is AppState.OUTDATED and not app.backwards:
        held = hold(app.revision, running, app.wanted(replace(wanted, digest=digest)))
        if held:
            state, reason = AppState.HELD, held.reason
    return AppStatus(
        app.name, app.image, state, reason, wanted, digest, running, _hint(presence, now)
    )


def not_asked(image: ImageName, wanted: Reference, presence: Presence | UnknownError) -> AppStatus:
    """Return the one row for apps that only a command knows, which was not run."""
    digest = presence.digest if isinstance(presence, Present) else None
    return AppStatus(None, image, AppState.UNKNOWN, NOT_RUN, wanted, digest, hint=HOW_TO_RUN)


def _judge(
    presence: Presence | UnknownError, now: Running | PipelineError | None
) -> tuple[AppState, str]:
    if isinstance(now, MissingAppsError):
        return AppState.MISSING, "there is no such app yet"
    if isinstance(now, PipelineError):
        return AppState.UNKNOWN, now.message
    if now is None:
        return AppState.MISSING, "nothing runs yet"
    if not now.healthy:
        return AppState.UNHEALTHY, now.trouble or "it is not healthy"
    return _compare(presence, now)


def _compare(presence: Presence | UnknownError, now: Running) -> tuple[AppState, str]:
    if isinstance(presence, UnknownError):
        return AppState.UNKNOWN, presence.message
    if not isinstance(presence, Present):
        return AppState.OUTDATED, "its image is not built yet"
    if now.digest != presence.digest:
        return AppState.OUTDATED, "it runs another image"
    if now.differs:
        return AppState.OUTDATED, why_differs(now.differs)
    return AppState.CURRENT, "it runs this image"


def _hint(presence: Presence | UnknownError, now: Running | PipelineError | None) -> str:
    if isinstance(now, MissingAppsError):
        return next((problem.hint for problem in now.problems if problem.hint), "")
    if isinstance(now, PipelineError):
        return now.hint
    return presence.hint if isinstance(presence, UnknownError) else ""
