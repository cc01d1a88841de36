"""The live view: a terminal's worth of rows, drawn anew some times a second, gone at the end.

The view never writes into the scrollback but for notices and the summary, and it fits the height
of the terminal: what is in work or has failed is shown, the rest is counted.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..model.events import Finished, Notice, Planned, Warned
from ..model.sanitize import visible, without_escapes
from .errors import failure_lines, warning_lines
from .paint import coloured, plain
from .rows import Board, Mood, Row, is_output
from .summary import summary
from .terminal import Canvas, Patient, wants_colour
from .text import clean, crop, duration, pad, size, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderResult

    from ..model.events import Event, Reporter
    from ..model.report import Report

FRAMES_PER_SECOND = 8
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINNER_PLAIN = "|/-\\"
_GLYPHS = {
    Mood.WAITING: ".",
    Mood.GOOD: "✓",
    Mood.SKIPPED: "=",
    Mood.BAD: "✗",
    Mood.BLOCKED: "-",
}
_STYLES = {
    Mood.WAITING: "dim",
    Mood.ACTIVE: "cyan",
    Mood.GOOD: "green",
    Mood.SKIPPED: "dim",
    Mood.BAD: "bold red",
    Mood.BLOCKED: "yellow",
}
# Where not all rows fit: what needs eyes first.
_URGENCY = {
    Mood.BAD: 0,
    Mood.ACTIVE: 1,
    Mood.BLOCKED: 2,
    Mood.GOOD: 3,
    Mood.WAITING: 4,
    Mood.SKIPPED: 5,
}
_PLURALS = {"exists": "exist"}
_LONGEST_NAME = 40
_WORDS = len("building")
"""The column of words is at least so wide, so that it does not jump from frame to frame."""
_RESTING = {"building": "exported", "pushing": "pushed"}
_PUSH_RE = re.compile(r"pushing ([^/\s]+)/\S+ with docker")


@contextmanager
def live_reporter(
    stream: TextIO, environ: Mapping[str, str], clock: Callable[[], float]
) -> Iterator[Reporter]:
    """Show a run on a terminal; however the block is left, the cursor is there again."""
    patient = Patient(stream)
    colour = wants_colour(stream, environ)
    console = Console(
        file=Canvas(patient),  # type: ignore[arg-type] # rich only writes, flushes and asks what it is
        force_terminal=True,
        no_color=not colour,
        markup=False,
        emoji=False,
        highlight=False,
        _environ=environ,
    )
    view = LiveView(console, clock)
    live = Live(
        view,
        console=console,
        transient=True,
        refresh_per_second=FRAMES_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=stream is sys.stderr,
    )

    def report(event: Event, /) -> None:
        view.take(event)
        match event:
            case Notice():
                console.print(Text(f"note: {clean(event.text)}", style="dim"))
            case Warned():
                paint = coloured if colour else plain
                lines = warning_lines(event.problem, paint)
                console.print(Text.from_ansi("\n".join(lines)))
            case Finished():
                live.stop()
                _write_end(event.report, console, patient, colour=colour)
            case _:
                pass

    with live:
        yield report


class LiveView:
    """What rich draws: the rows as they are at that moment."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._ascii = not console.encoding.startswith("utf")
        self._clock = clock
        self._board = Board()
        self._lock = threading.Lock()
        self._began = clock()

    def take(self, event: Event) -> None:
        """Note an event; drawing goes on in a thread of its own."""
        with self._lock:
            if isinstance(event, Planned):
                self._began = self._clock()
            self._board.take(event, self._clock())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one frame, a line lower than the terminal so that it never scrolls."""
        now = self._clock()
        with self._lock:
            rows, spent = self._board.rows, now - self._began
        signs = _SPINNER_PLAIN if self._ascii else _SPINNER
        spin = signs[int(now * FRAMES_PER_SECOND) % len(signs)]
        height = max(console.size.height - 1, 2)
        lines = frame(rows, cells=options.max_width, height=height, now=now, spent=spent, spin=spin)
        yield Group(*lines)


def frame(
    rows: Sequence[Row], *, cells: int, height: int, now: float, spent: float, spin: str
) -> list[Text]:
    """The lines of one picture: at most `height`, none wider than `cells`."""
    if not rows:
        return [_line([(f"{spin} looking at what exists; {duration(spent)}", "dim")], cells)]
    shown, rest = choose(rows, height - 1)
    names = min(max((width(row.name) for row in shown), default=0), _LONGEST_NAME)
    words = max((_WORDS, *(width(_word(row)) for row in shown)))
    active = sum(row.mood is Mood.ACTIVE and bool(row.log) for row in shown)
    roomy = len(shown) + active < height
    lines = []
    for row in shown:
        lines.append(_row_line(row, names, words, cells, now, spin))
        if roomy and row.log and row.mood is Mood.ACTIVE:
            lines.append(_line([(" " * (words + 4) + row.log, "dim")], cells))
    return [*lines, _line([(_footer(rows, rest, spent), "bold")], cells)]


def choose(rows: Sequence[Row], room: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """Split rows into those to show, in their order, and those to count.

    All where they fit. Else what failed and what is in work; where even that is too much, half of
    the room at most goes to failures while there is work to see.
    """
    if len(rows) <= room:
        return rows, ()
    failed = [row for row in rows if row.mood is Mood.BAD]
    active = [row for row in rows if row.mood is Mood.ACTIVE and row.rested is None]
    for_active = min(len(active), max(room - len(failed), room - room // 2))
    kept = {id(row) for row in failed[: room - for_active] + active[:for_active]}
    shown = [row for row in rows if id(row) in kept]
    return shown, [row for row in rows if id(row) not in kept]


def _footer(rows: Sequence[Row], rest: Sequence[Row], spent: float) -> str:
    counted = Counter((_URGENCY[row.mood], row.app, _word(row)) for row in rest or rows)
    words = ", ".join(
        f"{number} {_plural(word) if number > 1 else word}"
        for (_, _, word), number in sorted(counted.items())
    )
    return f"{'… ' if rest else ''}{words}; {duration(spent)}"


def _word(row: Row) -> str:
    if row.rested is not None:
        return _RESTING.get(row.word, row.word)
    return f"app {row.word}" if row.app else row.word


def _plural(word: str) -> str:
    return f"apps {word[4:]}" if word.startswith("app ") else _PLURALS.get(word, word)


def _row_line(row: Row, names: int, words: int, cells: int, now: float, spin: str) -> Text:
    glyph = _GLYPHS.get(row.mood, spin) if row.rested is None else _GLYPHS[Mood.WAITING]
    style = _STYLES[row.mood]
    time = duration(row.elapsed(now)) if row.elapsed(now) else ""
    start = f"{glyph} {pad(_word(row), words)}  "
    name = pad(crop(row.name, names), names)
    room = cells - width(start) - names - 2 - (width(time) + 2 if time else 0)
    what = pad(crop(_what(row), room), max(room, 0))
    said = "red" if row.mood is Mood.BAD else "dim" if row.mood is not Mood.ACTIVE else ""
    tail = f"  {time}" if time else ""
    return _line([(start, style), (f"{name}  ", ""), (what, said), (tail, "dim")], cells)


def _what(row: Row) -> str:
    if row.mood is not Mood.ACTIVE:
        return row.reason if row.mood in {Mood.BAD, Mood.BLOCKED} else ""
    step = row.step
    if step is None or row.rested is not None:
        return row.reason
    name = _named(step.name, row.word)
    if step.total:
        return f"{size(step.current)} of {size(step.total)}  {name}"
    return f"{size(step.current)}  {name}" if step.current else name


def _named(step: str, word: str) -> str:
    """The step beside the row's word: `pushing  web  to registry.fly.io`."""
    if found := _PUSH_RE.fullmatch(step):
        return f"to {found[1]}"
    return "layers" if word == "pushing" and is_output(step) else step


def _line(parts: Sequence[tuple[str, str]], cells: int) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    for text, style in parts:
        line.append(visible(without_escapes(text)), style=style or None)
    line.truncate(cells, overflow="crop")
    return line


def _write_end(report: Report, console: Console, stream: Patient, *, colour: bool) -> None:
    paint = coloured if colour else plain
    lines = summary(report, paint, cells=console.width)
    failures = list(failure_lines(report, paint))
    stream.write("".join(f"{line}\n" for line in lines + [""] * bool(failures) + failures))
    stream.flush()
