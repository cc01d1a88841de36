"""What is known of each image and app while a run goes on: events in, rows out.

`Row` is a value and `advance` pure; `Board` holds the rows of now. Times are seconds of any clock
that only goes forward.
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


class Mood(Enum):
    """What a row asks of the one who looks."""

    WAITING = "waiting"
    ACTIVE = "active"
    GOOD = "good"
    SKIPPED = "skipped"
    BAD = "bad"
    BLOCKED = "blocked"


IMAGE_MOODS = {
    Phase.WAITING: Mood.WAITING,
    Phase.COPYING: Mood.ACTIVE,
    Phase.BUILDING: Mood.ACTIVE,
    Phase.TESTING: Mood.ACTIVE,
    Phase.PUSHING: Mood.ACTIVE,
    Phase.VERIFYING: Mood.ACTIVE,
    Phase.BUILT: Mood.GOOD,
    Phase.COPIED: Mood.GOOD,
    Phase.EXISTS: Mood.SKIPPED,
    Phase.FAILED: Mood.BAD,
    Phase.BLOCKED: Mood.BLOCKED,
}
APP_MOODS = {
    "waiting": Mood.WAITING,
    DeployStatus.DEPLOYED.value: Mood.GOOD,
    DeployStatus.CURRENT.value: Mood.SKIPPED,
    DeployStatus.FAILED.value: Mood.BAD,
    DeployStatus.ROLLED_BACK.value: Mood.BAD,
    DeployStatus.BLOCKED.value: Mood.BLOCKED,
    DeployStatus.HELD.value: Mood.BLOCKED,
}
_CHORE_RE = re.compile(r"\[internal\]|\[context [^\]]*\] load metadata for ")
"""How BuildKit marks steps of its own; a base that exists already is a context to it."""

_OUTPUTS = ("exporting to ", "importing to ", "pushing ")
"""How it names what comes after the last instruction."""

LIVELY = frozenset({Mood.WAITING, Mood.ACTIVE})


class Step(Struct, frozen=True):
    """A step that goes on, with its bytes where they are known."""

    name: str
    current: int = 0
    total: int = 0


class Row(Struct, frozen=True):
    """An image or an app. `word` is its stage; `step` and `log` are the last seen, made safe.

    `since` is when work on it began, `rested` when the last of it ended, if the image is written
    out and waits for others of its solve; `seconds` is how long it took once it has ended.
    """

    name: str
    app: bool
    word: str = Phase.WAITING.value
    mood: Mood = Mood.WAITING
    steps: tuple[Step, ...] = ()
    last: Step | None = None
    log: str = ""
    reason: str = ""
    since: float | None = None
    rested: float | None = None
    seconds: float = 0.0

    @property
    def step(self) -> Step | None:
        """The step begun last of those that go on, else the last that ended."""
        return self.steps[-1] if self.steps else self.last

    def elapsed(self, now: float) -> float:
        """Seconds of work up to now, or in all."""
        if self.since is None:
            return self.seconds
        return (now if self.rested is None else self.rested) - self.since


def is_chore(step: str) -> bool:
    """Whether a step is of BuildKit's own: loading a context, a Dockerfile, an ignore file."""
    return _CHORE_RE.match(step) is not None


def is_output(step: str) -> bool:
    """Whether a step writes the image out: exports, loads or pushes it."""
    return step.startswith(_OUTPUTS)


def advance(row: Row, event: ImageChanged | StepChanged | LogLine | AppChanged, now: float) -> Row:
    """The row after an event. An ended row is not woken by what a cancelled build still says."""
    match event:
        case ImageChanged():
            mood = IMAGE_MOODS[event.phase]
            return _turned(row, event.phase.value, mood, event, now)
        case AppChanged():
            mood = APP_MOODS.get(event.phase, Mood.ACTIVE)
            return _turned(row, clean(event.phase), mood, event, now)
        case _ if row.mood not in LIVELY:
            return row
        case LogLine():
            return replace(row, log=clean(event.text).strip() or row.log)
        case StepChanged():
            return _stepped(row, event, now)


class Board:
    """The rows of a run, in the plan's order; what the plan did not name comes at the end."""

    def __init__(self) -> None:
        self._rows: dict[tuple[bool, str], Row] = {}

    def take(self, event: Event, now: float) -> None:
        """Note an event."""
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
        """All rows, images first."""
        return tuple(sorted(self._rows.values(), key=lambda row: row.app))

    def _advance(
        self, new: Row, event: ImageChanged | StepChanged | LogLine | AppChanged, now: float
    ) -> None:
        key = (new.app, new.name)
        self._rows[key] = advance(self._rows.get(key, new), event, now)


def planned_rows(plan: Plan) -> tuple[Row, ...]:
    """The rows that a run begins with."""
    images = [
        Row(a.name, app=False, word=Phase.EXISTS.value, mood=Mood.SKIPPED, reason=clean(a.reason))
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
            mood=APP_MOODS[s.action.value],
            reason=clean(s.reason),
        )
        for s in plan.deploys
    ]
    return (*images, *apps)


def _turned(row: Row, word: str, mood: Mood, event: ImageChanged | AppChanged, now: float) -> Row:
    row = replace(row, word=word, mood=mood, reason=clean(event.reason))
    if mood is Mood.ACTIVE:
        since = now if row.since is None else row.since
        return replace(row, since=since, rested=None, last=None)
    if mood is Mood.WAITING:
        return row
    seconds = event.seconds or row.elapsed(now)
    return replace(row, since=None, rested=None, seconds=seconds, steps=(), log="")


def _stepped(row: Row, event: StepChanged, now: float) -> Row:
    name = step_text(event.step)
    known = next((s for s in row.steps if s.name == name), Step(name))
    step = Step(name, event.current or known.current, event.total or known.total)
    # BuildKit loads contexts long before an image's turn: that is no work on the image yet.
    chore = is_chore(name)
    if row.mood is Mood.WAITING and not chore:
        row = replace(row, word=Phase.BUILDING.value, mood=Mood.ACTIVE, since=now)
    if event.completed:
        left = tuple(s for s in row.steps if s.name != name)
        rested = now if is_output(name) and not left else row.rested
        return replace(row, steps=left, last=row.last if chore else step, rested=rested)
    if known in row.steps:
        return replace(row, steps=tuple(step if s == known else s for s in row.steps))
    return replace(row, steps=(*row.steps, step), log="", rested=None)
