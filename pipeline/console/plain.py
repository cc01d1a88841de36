"""Lines for logs: each begins with its image's name; no colour, and nothing is ever overwritten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model.actions import Action, DeployAction
from ..model.events import (
    AppChanged,
    Finished,
    ImageChanged,
    LogLine,
    Notice,
    Phase,
    Planned,
    StepChanged,
    Warned,
)
from .errors import failure_lines, warning_lines
from .paint import plain
from .rows import Mood, Row, advance, is_chore, is_output
from .summary import summary
from .text import amount, clean, duration, pad, step_text, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model.events import Event
    from ..model.plan import Plan
    from .terminal import Patient

_MARK_RE = re.compile(r"\[[^\]]*\]|pushing(?= )")
_FROM_RE = re.compile(r"\[[^\]]*\] FROM |\[context [^\]]*\] ")
_QUIET = frozenset({Phase.VERIFYING.value})
_SILENT = frozenset({Mood.WAITING, Mood.SKIPPED})
_TIMED = frozenset({Mood.GOOD, Mood.BAD})


class PlainLines:
    """A reporter that writes `python-base | [2/5] RUN apt-get update` to a stream.

    Progress in bytes is left out. A step is named when it begins, and again when the log turns
    back to it. What BuildKit does of its own, and writing the image out, is told at its end, and
    only where it took a second or more. BuildKit runs some steps twice, such as a `FROM` to
    resolve it and to fetch it: it is named once, and its end is told where it took its time.
    Images that exist are not told one by one: the summary has them.
    """

    def __init__(self, stream: Patient, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._cells = 0
        self._rows: dict[tuple[bool, str], Row] = {}
        self._begun: set[tuple[str, str]] = set()
        self._ended: set[tuple[str, str]] = set()
        self._speaking: dict[str, str] = {}

    def __call__(self, event: Event, /) -> None:
        """Write what is worth a line."""
        for line in self._lines(event):
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case Planned():
                self._cells = max((width(name) for name in _busy(event.plan)), default=0)
                yield outlook(event.plan)
            case ImageChanged() | AppChanged():
                yield from self._turn(event)
            case StepChanged():
                yield from self._step(event)
            case LogLine():
                yield from self._log(event)
            case Notice():
                yield f"note: {clean(event.text)}"
            case Warned():
                yield from warning_lines(event.problem, plain)
            case Finished():
                lines = ["", *summary(event.report, plain)]
                failures = list(failure_lines(event.report, plain))
                yield from lines + [""] * bool(failures) + failures

    def _say(self, name: str, text: str) -> str:
        return f"{pad(clean(name), self._cells)} | {text}".rstrip()

    def _turn(self, event: ImageChanged | AppChanged) -> Iterator[str]:
        app = isinstance(event, AppChanged)
        name = event.app if isinstance(event, AppChanged) else event.image
        before = self._rows.get((app, name), Row(name, app=app))
        row = self._rows[app, name] = advance(before, event, self._clock())
        silent = row.mood in _SILENT or row.word in _QUIET
        if not silent and (row.word, row.reason) != (before.word, before.reason):
            spent = f" in {duration(row.seconds)}" if row.mood in _TIMED and row.seconds else ""
            reason = f": {row.reason}" if row.reason else ""
            yield self._say(name, f"{row.word}{spent}{reason}")

    def _step(self, event: StepChanged) -> Iterator[str]:
        step, key = step_text(event.step), (event.image, event.step)
        if is_chore(step) or is_output(step):
            if event.completed and event.seconds >= 1:
                text = step if is_chore(step) else _mark(step)
                yield self._say(event.image, f"{text} done in {duration(event.seconds)}")
        elif not event.completed:
            if key not in self._begun:
                self._begun.add(key)
                self._speaking[event.image] = event.step
                yield self._say(event.image, step)
        elif key not in self._ended or event.seconds >= 1:
            text = _mark(step) if key in self._begun else step
            if end := _end(step, event):
                yield self._say(event.image, f"{text} {end}")
            elif key not in self._begun:
                yield self._say(event.image, text)
            self._note_end(key, event)

    def _note_end(self, key: tuple[str, str], event: StepChanged) -> None:
        """What was cancelled may begin anew, and is then named again."""
        note = set.discard if event.cancelled else set.add
        note(self._begun, key)
        note(self._ended, key)

    def _log(self, event: LogLine) -> Iterator[str]:
        if event.step and self._speaking.get(event.image) != event.step:
            self._speaking[event.image] = event.step
            yield self._say(event.image, step_text(event.step))
        yield self._say(event.image, f"  {clean(event.text)}")


def outlook(plan: Plan) -> str:
    """What a plan comes to: `2 to build, 5 exist; 1 to deploy, 2 are current`."""
    existing = [action for action in plan.images if action.action is Action.EXISTS]
    copies = f"{len(plan.to_copy)} to copy, " if plan.to_copy else ""
    exist = amount(len(existing), "exists", "exist")
    parts = [f"{len(plan.to_build)} to build, {copies}{exist}"]
    if moves := sum(len(action.move) for action in existing):
        parts.append(amount(moves, "alias to move", "aliases to move"))
    if plan.deploys:
        due = sum(step.action is DeployAction.DEPLOY for step in plan.deploys)
        held = sum(step.action is DeployAction.HELD for step in plan.deploys)
        current = amount(len(plan.deploys) - due - held, "is current", "are current")
        parts.append(f"{due} to deploy, {current}" + (f", {held} held" if held else ""))
    if plan.unasked:
        parts.append(amount(len(plan.unasked), "list of apps", "lists of apps") + " not known")
    return "; ".join(parts)


def _busy(plan: Plan) -> list[str]:
    deploys = [step.app for step in plan.deploys if step.action is DeployAction.DEPLOY]
    images = (action.name for action in (*plan.to_build, *plan.to_copy))
    return [*images, *map(clean, deploys)]


def _end(step: str, event: StepChanged) -> str:
    """How a step ended; nothing for a base that was only resolved."""
    if event.failed or event.cancelled:
        word = "failed in" if event.failed else "cancelled after"
        return f"{word} {duration(event.seconds)}"
    if event.cached:
        return "cached"
    if event.seconds < 1 and _FROM_RE.match(step):
        return ""
    return f"done in {duration(event.seconds)}"


def _mark(step: str) -> str:
    """`[2/5]` of `[2/5] RUN apt-get update`, `pushing` of `pushing REFERENCE with docker`."""
    found = _MARK_RE.match(step)
    return found[0] if found else step
