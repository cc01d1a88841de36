"""Print a run as lines for logs: each begins with the name of its image; no colour."""

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
from .rows import Row, RowStatus, advance, is_internal, is_output
from .summary import write_summary
from .text import amount, clean, duration, pad, step_text, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model.events import Event
    from ..model.plan import Plan
    from .terminal import TolerantStream

_MARK_RE = r"\[[^\]]*\]|pushing(?= )"
_FROM_RE = r"\[[^\]]*\] FROM |\[context [^\]]*\] "
_UNPRINTED_PHASES = frozenset({Phase.VERIFYING.value})
_UNPRINTED = frozenset({RowStatus.WAITING, RowStatus.SKIPPED})
_TIMED = frozenset({RowStatus.DONE, RowStatus.FAILED})


_COUNT_RE = r", \d+ of [\d.]+ s$"


def _uncounted(reason: str) -> str:
    """Return a reason without how long it has been true, which is counted up in the live view."""
    return re.sub(_COUNT_RE, "", reason)


class PlainLines:
    """A reporter that writes `python-base | [2/5] RUN apt-get update` to a stream.

    Progress in bytes is left out. A step is printed when it begins, and again when its log
    continues after that of another step. Internal steps of BuildKit and exports are printed when
    they end, and only if they took a second or more. BuildKit runs some steps twice, such as a
    `FROM` to resolve and to fetch it: the step is printed once, and its end if that took a second
    or more. Images that exist are printed in the summary only.
    """

    def __init__(
        self,
        stream: TolerantStream,
        results: TolerantStream,
        clock: Callable[[], float],
    ) -> None:
        self._stream = stream
        self._results = results
        self._clock = clock
        self._cells = 0
        self._rows: dict[tuple[bool, str], Row] = {}
        self._started: set[tuple[str, str]] = set()
        self._ended: set[tuple[str, str]] = set()
        self._log_step: dict[str, str] = {}

    def __call__(self, event: Event, /) -> None:
        """Write the lines of an event, if it has any."""
        if isinstance(event, Finished):
            self._write("")
            write_summary(event.report, self._results, plain)
        for line in self._lines(event):
            self._write(line)
        self._stream.flush()

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")

    def _lines(self, event: Event) -> Iterator[str]:
        match event:
            case Planned():
                self._cells = max(
                    (width(name) for name in _names_to_work_on(event.plan)), default=0
                )
                yield plan_totals(event.plan)
            case ImageChanged() | AppChanged():
                yield from self._phase(event)
            case StepChanged():
                yield from self._step(event)
            case LogLine():
                yield from self._log(event)
            case Notice():
                yield f"note: {clean(event.text)}"
            case Warned():
                yield from warning_lines(event.problem, plain)
            case Finished():
                failures = list(failure_lines(event.report, plain))
                yield from [""] * bool(failures) + failures

    def _prefixed(self, name: str, text: str) -> str:
        return f"{pad(clean(name), self._cells)} | {text}".rstrip()

    def _phase(self, event: ImageChanged | AppChanged) -> Iterator[str]:
        app = isinstance(event, AppChanged)
        name = event.app if isinstance(event, AppChanged) else event.image
        before = self._rows.get((app, name), Row(name, app=app))
        row = self._rows[app, name] = advance(before, event, self._clock())
        silent = row.status in _UNPRINTED or row.word in _UNPRINTED_PHASES
        said, known = (row.word, _uncounted(row.reason)), (before.word, _uncounted(before.reason))
        if not silent and said != known:
            spent = f" in {duration(row.seconds)}" if row.status in _TIMED and row.seconds else ""
            reason = f": {row.reason}" if row.reason else ""
            yield self._prefixed(name, f"{row.word}{spent}{reason}")

    def _step(self, event: StepChanged) -> Iterator[str]:
        step, key = step_text(event.step), (event.image, event.step)
        if is_internal(step) or is_output(step):
            if event.completed and event.seconds >= 1:
                text = step if is_internal(step) else _mark(step)
                yield self._prefixed(event.image, f"{text} done in {duration(event.seconds)}")
        elif not event.completed:
            if key not in self._started:
                self._started.add(key)
                self._log_step[event.image] = event.step
                yield self._prefixed(event.image, step)
        elif key not in self._ended or event.seconds >= 1:
            text = _mark(step) if key in self._started else step
            if end := _end(step, event):
                yield self._prefixed(event.image, f"{text} {end}")
            elif key not in self._started:
                yield self._prefixed(event.image, text)
            self._remember_end(key, event)

    def _remember_end(self, key: tuple[str, str], event: StepChanged) -> None:
        """Remember that a step has ended; forget a cancelled one, which may start again."""
        change = set.discard if event.cancelled else set.add
        change(self._started, key)
        change(self._ended, key)

    def _log(self, event: LogLine) -> Iterator[str]:
        if event.step and self._log_step.get(event.image) != event.step:
            self._log_step[event.image] = event.step
            yield self._prefixed(event.image, step_text(event.step))
        yield self._prefixed(event.image, f"  {clean(event.text)}")


def plan_totals(plan: Plan) -> str:
    """Return the totals of a plan: `2 to build, 5 exist; 1 to deploy, 2 are current`."""
    existing = [action for action in plan.images if action.action is Action.EXISTS]
    copies = f"{len(plan.to_copy)} to copy, " if plan.to_copy else ""
    exist = amount(len(existing), "exists", "exist")
    unknown = sum(action.action is Action.UNKNOWN for action in plan.images)
    parts = [f"{len(plan.to_build)} to build, {copies}{exist}" + _unknown(unknown)]
    if moves := sum(len(action.move) for action in existing):
        parts.append(amount(moves, "alias to move", "aliases to move"))
    if plan.deploys:
        due = sum(step.action is DeployAction.DEPLOY for step in plan.deploys)
        held = sum(step.action is DeployAction.HELD for step in plan.deploys)
        unknown = sum(step.action is DeployAction.UNKNOWN for step in plan.deploys)
        current = amount(len(plan.deploys) - due - held - unknown, "is current", "are current")
        held_too = f", {held} held" if held else ""
        parts.append(f"{due} to deploy, {current}{held_too}{_unknown(unknown)}")
    if plan.unlisted:
        parts.append(amount(len(plan.unlisted), "list of apps", "lists of apps") + " not known")
    return "; ".join(parts)


def _unknown(count: int) -> str:
    return f", {count} unknown" if count else ""


def _names_to_work_on(plan: Plan) -> list[str]:
    deploys = [step.app for step in plan.deploys if step.action is DeployAction.DEPLOY]
    images = (action.name for action in (*plan.to_build, *plan.to_copy))
    return [*images, *map(clean, deploys)]


def _end(step: str, event: StepChanged) -> str:
    """Say how a step ended; nothing if a base was only resolved."""
    if event.failed or event.cancelled:
        word = "failed in" if event.failed else "cancelled after"
        return f"{word} {duration(event.seconds)}"
    if event.cached:
        return "cached"
    if event.seconds < 1 and re.match(_FROM_RE, step):
        return ""
    return f"done in {duration(event.seconds)}"


def _mark(step: str) -> str:
    """Shorten `[2/5] RUN make` to `[2/5]`, and `pushing REFERENCE with docker` to `pushing`."""
    found = re.match(_MARK_RE, step)
    return found[0] if found else step
