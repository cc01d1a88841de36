"""The progress of each image and app during a run, as rows that events update.

`Row` is a frozen value and `advance` is pure; `RowTable` holds the current rows. Times are seconds
of a monotonic clock.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..model.actions import Action, DeployAction
from ..model.events import AppChanged, ImageChanged, LogLine, Phase, Planned, StepChanged
from ..model.report import DeployStatus
from .text import clean, step_text

if TYPE_CHECKING:
    from ..model.events import Event
    from ..model.plan import Plan


class RowStatus(Enum):
    """How the work on an image or app goes; it decides colour, sign and order."""

    WAITING = "waiting"
    ACTIVE = "active"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    BLOCKED = "blocked"


IMAGE_STATUSES = {
    Phase.WAITING: RowStatus.WAITING,
    Phase.COPYING: RowStatus.ACTIVE,
    Phase.BUILDING: RowStatus.ACTIVE,
    Phase.TESTING: RowStatus.ACTIVE,
    Phase.PUSHING: RowStatus.ACTIVE,
    Phase.VERIFYING: RowStatus.ACTIVE,
    Phase.BUILT: RowStatus.DONE,
    Phase.COPIED: RowStatus.DONE,
    Phase.EXISTS: RowStatus.SKIPPED,
    Phase.FAILED: RowStatus.FAILED,
    Phase.BLOCKED: RowStatus.BLOCKED,
}
APP_STATUSES = {
    "waiting": RowStatus.WAITING,
    DeployStatus.DEPLOYED.value: RowStatus.DONE,
    DeployStatus.CURRENT.value: RowStatus.SKIPPED,
    DeployStatus.FAILED.value: RowStatus.FAILED,
    DeployStatus.ROLLED_BACK.value: RowStatus.FAILED,
    DeployStatus.BLOCKED.value: RowStatus.BLOCKED,
    DeployStatus.HELD.value: RowStatus.BLOCKED,
}
_INTERNAL_RE = (
    r"\[internal\]|\[context [^\]]*\] load metadata for |resolving provenance for metadata file"
)
"""How BuildKit and buildx name internal steps.

A base that exists is a named context of the build. buildx from 0.14 on asks for the provenance of
an image after its export.
"""

_OUTPUTS = ("exporting to ", "importing to ", "pushing ")
"""How BuildKit names the steps after the last instruction."""

UNFINISHED = frozenset({RowStatus.WAITING, RowStatus.ACTIVE})


class RowStep(Struct, frozen=True):
    """A step of a build, with its bytes if they are known."""

    name: str
    current: int = 0
    total: int = 0


class Row(Struct, frozen=True):
    """An image or an app. `word` is its phase; `log` is the last line of its log, made safe.

    `steps` are running, `last` has ended. `since` is when the work began. `exported_at` is when the
    image was exported, while it waits for others of its solve. `seconds` is how long all took, once
    it has ended.
    """

    name: str
    app: bool
    word: str = Phase.WAITING.value
    status: RowStatus = RowStatus.WAITING
    steps: tuple[RowStep, ...] = ()
    last: RowStep | None = None
    log: str = ""
    reason: str = ""
    since: float | None = None
    exported_at: float | None = None
    seconds: float = 0.0

    @property
    def step(self) -> RowStep | None:
        """The running step that started last; without one, the step that ended last."""
        return self.steps[-1] if self.steps else self.last

    def elapsed(self, now: float) -> float:
        """Return the seconds of work until now, or of all work if it has ended."""
        if self.since is None:
            return self.seconds
        return (now if self.exported_at is None else self.exported_at) - self.since


def is_internal(step: str) -> bool:
    """Return whether no instruction made the step: it loads a context, or reads provenance."""
    return re.match(_INTERNAL_RE, step) is not None


def is_output(step: str) -> bool:
    """Return whether a step exports, loads or pushes the image."""
    return step.startswith(_OUTPUTS)


def advance(row: Row, event: ImageChanged | StepChanged | LogLine | AppChanged, now: float) -> Row:
    """Return the row after an event. Late steps and logs of a cancelled build do not change it."""
    match event:
        case ImageChanged():
            status = IMAGE_STATUSES[event.phase]
            return _with_phase(row, event.phase.value, status, event, now)
        case AppChanged():
            status = APP_STATUSES.get(event.phase, RowStatus.ACTIVE)
            return _with_phase(row, clean(event.phase), status, event, now)
        case _ if row.status not in UNFINISHED:
            return row
        case LogLine():
            return replace(row, log=clean(event.text).strip() or row.log)
        case StepChanged():
            return _with_step(row, event, now)


class RowTable:
    """The rows of a run, in the order of the plan; names that are not in the plan come last."""

    def __init__(self) -> None:
        self._rows: dict[tuple[bool, str], Row] = {}

    def handle(self, event: Event, now: float) -> None:
        """Update the row that an event is about."""
        match event:
            case Planned():
                self._rows = {(row.app, row.name): row for row in planned_rows(event.plan)}
            case ImageChanged() | StepChanged() | LogLine():
                self._advance(Row(event.image, app=False), event, now)
            case AppChanged():
                self._advance(Row(clean(event.app), app=True), event, now)
            case _:
                pass

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows; images come before apps."""
        return tuple(sorted(self._rows.values(), key=lambda row: row.app))

    def _advance(
        self, new: Row, event: ImageChanged | StepChanged | LogLine | AppChanged, now: float
    ) -> None:
        key = (new.app, new.name)
        self._rows[key] = advance(self._rows.get(key, new), event, now)


def planned_rows(plan: Plan) -> tuple[Row, ...]:
    """Return the rows at the start of a run."""
    images = [
        Row(
            a.name,
            app=False,
            word=Phase.EXISTS.value,
            status=RowStatus.SKIPPED,
            reason=clean(a.reason),
        )
        if a.action is Action.EXISTS
        else Row(a.name, app=False)
        for a in plan.images
    ]
    apps = [
        Row(clean(s.app), app=True)
        if s.action is DeployAction.DEPLOY
        else Row(
            clean(s.app),
            app=True,
            word=s.action.value,
            status=APP_STATUSES[s.action.value],
            reason=clean(s.reason),
        )
        for s in plan.deploys
    ]
    return (*images, *apps)


def _with_phase(
    row: Row, word: str, status: RowStatus, event: ImageChanged | AppChanged, now: float
) -> Row:
    row = replace(row, word=word, status=status, reason=clean(event.reason))
    if status is RowStatus.ACTIVE:
        since = now if row.since is None else row.since
        return replace(row, since=since, exported_at=None, last=None)
    if status is RowStatus.WAITING:
        return row
    seconds = event.seconds or row.elapsed(now)
    return replace(row, since=None, exported_at=None, seconds=seconds, steps=(), log="")


def _with_step(row: Row, event: StepChanged, now: float) -> Row:
    name = step_text(event.step)
    known = next((s for s in row.steps if s.name == name), RowStep(name))
    step = RowStep(name, event.current or known.current, event.total or known.total)
    # BuildKit loads contexts long before it builds the image: that does not start the row.
    internal = is_internal(name)
    if internal and row.exported_at is not None:
        return row
    if row.status is RowStatus.WAITING and not internal:
        row = replace(row, word=Phase.BUILDING.value, status=RowStatus.ACTIVE, since=now)
    if event.completed:
        left = tuple(s for s in row.steps if s.name != name)
        exported_at = now if is_output(name) and not left else row.exported_at
        return replace(
            row, steps=left, last=row.last if internal else step, exported_at=exported_at
        )
    if known in row.steps:
        return replace(row, steps=tuple(step if s == known else s for s in row.steps))
    return replace(row, steps=(*row.steps, step), log="", exported_at=None)
