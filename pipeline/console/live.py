"""The live view: a row per image and app, drawn several times a second, removed at the end.

Only notices and the summary stay in the scrollback. The view fits the height of the terminal: if
there are more rows, it shows those that work or have failed, and counts the rest.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..model.events import Finished, Notice, Planned, Warned
from ..model.sanitize import visible, without_escapes
from .errors import failure_lines, warning_lines
from .paint import Style, coloured, plain
from .rows import Row, RowStatus, RowTable, is_output
from .summary import write_summary
from .terminal import Canvas, TolerantStream, painter, wants_colour
from .text import clean, crop, duration, pad, size, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderResult

    from ..model.events import Event, Reporter
    from ..model.report import Report
    from .paint import Paint

FRAMES_PER_SECOND = 8
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINNER_PLAIN = "|/-\\"
_GLYPHS = {
    RowStatus.WAITING: ".",
    RowStatus.DONE: "✓",
    RowStatus.SKIPPED: "=",
    RowStatus.FAILED: "✗",
    RowStatus.BLOCKED: "-",
}
_STYLES = {
    RowStatus.WAITING: "dim",
    RowStatus.ACTIVE: "cyan",
    RowStatus.DONE: "green",
    RowStatus.SKIPPED: "dim",
    RowStatus.FAILED: "bold red",
    RowStatus.BLOCKED: "yellow",
}
# The order in the footer: what matters most comes first.
_FOOTER_ORDER = {
    RowStatus.FAILED: 0,
    RowStatus.ACTIVE: 1,
    RowStatus.BLOCKED: 2,
    RowStatus.DONE: 3,
    RowStatus.WAITING: 4,
    RowStatus.SKIPPED: 5,
}
_PLURALS = {"exists": "exist"}
_LONGEST_NAME = 40
_WORD_CELLS = len("building")
"""The smallest width of the column of words: it seldom changes from frame to frame."""
_EXPORTED_GLYPH = "^"
"""The sign of an image that is exported or pushed, and waits for others of its solve."""
_EXPORTED_WORDS = {"building": "exported", "pushing": "pushed"}
_PUSH_RE = re.compile(r"pushing ([^/\s]+)/\S+ with docker")


@contextmanager
def live_reporter(
    stream: TextIO,
    results: TextIO | None,
    environ: Mapping[str, str],
    clock: Callable[[], float],
) -> Iterator[Reporter]:
    """Show a run on a terminal. The cursor is visible again however the block ends."""
    output = TolerantStream(stream)
    table = TolerantStream(results) if results else output
    colour = wants_colour(stream, environ)
    console = Console(
        file=Canvas(output),  # type: ignore[arg-type] # rich needs these methods only
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
        view.handle(event)
        match event:
            case Notice():
                console.print(Text(f"note: {clean(event.text)}", style="dim"))
            case Warned():
                paint = coloured if colour else plain
                lines = warning_lines(event.problem, paint)
                console.print(Text.from_ansi("\n".join(lines)))
            case Finished():
                live.stop()
                write_summary(event.report, table, painter(cast("TextIO", table), environ))
                _write_failures(event.report, output, coloured if colour else plain)
            case _:
                pass

    with live:
        yield report


class LiveView:
    """What rich draws: the current rows."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._ascii_only = not console.encoding.startswith("utf")
        self._clock = clock
        self._table = RowTable()
        self._lock = threading.Lock()
        self._started = clock()

    def handle(self, event: Event) -> None:
        """Update the rows; another thread draws them."""
        with self._lock:
            if isinstance(event, Planned):
                self._started = self._clock()
            self._table.handle(event, self._clock())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one frame. It has a line less than the terminal, so that nothing scrolls."""
        now = self._clock()
        with self._lock:
            rows, spent = self._table.rows, now - self._started
        signs = _SPINNER_PLAIN if self._ascii_only else _SPINNER
        spin = signs[int(now * FRAMES_PER_SECOND) % len(signs)]
        height = max(console.size.height - 1, 2)
        lines = frame(rows, cells=options.max_width, height=height, now=now, spent=spent, spin=spin)
        yield Group(*lines)


def frame(
    rows: Sequence[Row], *, cells: int, height: int, now: float, spent: float, spin: str
) -> list[Text]:
    """Return the lines of one frame: at most `height`, none wider than `cells`."""
    if not rows:
        return [_line([(f"{spin} finding out what exists; {duration(spent)}", "dim")], cells)]
    shown, rest = split_rows(rows, height - 1)
    words = max((_WORD_CELLS, *(width(_word(row)) for row in shown)))
    longest = min(_LONGEST_NAME, max(cells - words - 4, 1))
    names = min(max((width(row.name) for row in shown), default=0), longest)
    active = sum(row.status is RowStatus.ACTIVE and bool(row.log) for row in shown)
    with_logs = len(shown) + active < height
    lines = []
    for row in shown:
        lines.append(_row_line(row, names, words, cells, now, spin))
        if with_logs and row.log and row.status is RowStatus.ACTIVE:
            lines.append(_line([(" " * (words + 4) + row.log, "dim")], cells))
    return [*lines, _line([(_footer(rows, rest, spent), "bold")], cells)]


def split_rows(rows: Sequence[Row], room: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """Split rows into those to show, in their order, and those to count.

    If they fit, all are shown; otherwise those that have failed or work. If even these are too
    many, failures get at most half of the lines while there is work to show.
    """
    if len(rows) <= room:
        return rows, ()
    failed = [row for row in rows if row.status is RowStatus.FAILED]
    active = [row for row in rows if row.status is RowStatus.ACTIVE and row.exported_at is None]
    for_active = min(len(active), max(room - len(failed), room - room // 2))
    chosen = {id(row) for row in failed[: room - for_active] + active[:for_active]}
    shown = [row for row in rows if id(row) in chosen]
    return shown, [row for row in rows if id(row) not in chosen]


def _footer(rows: Sequence[Row], rest: Sequence[Row], spent: float) -> str:
    counted = Counter((_FOOTER_ORDER[row.status], row.app, _word(row)) for row in rest or rows)
    words = ", ".join(
        f"{number} {_plural(word) if number > 1 else word}"
        for (_, _, word), number in sorted(counted.items())
    )
    return f"{'… ' if rest else ''}{words}; {duration(spent)}"


def _word(row: Row) -> str:
    if row.exported_at is not None:
        return _EXPORTED_WORDS.get(row.word, row.word)
    return f"app {row.word}" if row.app else row.word


def _plural(word: str) -> str:
    return f"apps {word[4:]}" if word.startswith("app ") else _PLURALS.get(word, word)


def _row_line(row: Row, names: int, words: int, cells: int, now: float, spin: str) -> Text:
    glyph = _GLYPHS.get(row.status, spin) if row.exported_at is None else _EXPORTED_GLYPH
    style = _STYLES[row.status]
    time = duration(row.elapsed(now)) if row.elapsed(now) else ""
    start = f"{glyph} {pad(_word(row), words)}  "
    name = pad(crop(row.name, names), names)
    room = cells - width(start) - names - 2 - (width(time) + 2 if time else 0)
    text = pad(crop(_text(row), room), max(room, 0))
    text_style = (
        "red"
        if row.status is RowStatus.FAILED
        else "dim"
        if row.status is not RowStatus.ACTIVE
        else ""
    )
    tail = f"  {time}" if time else ""
    return _line([(start, style), (f"{name}  ", ""), (text, text_style), (tail, "dim")], cells)


def _text(row: Row) -> str:
    if row.status is not RowStatus.ACTIVE:
        return row.reason if row.status in {RowStatus.FAILED, RowStatus.BLOCKED} else ""
    step = row.step
    if step is None or row.exported_at is not None:
        return row.reason
    name = _short_step(step.name, row.word)
    if step.total:
        return f"{size(step.current)} of {size(step.total)}  {name}"
    return f"{size(step.current)}  {name}" if step.current else name


def _short_step(step: str, word: str) -> str:
    """Return a step without what the word says already: `pushing  web  to registry.fly.io`."""
    if found := _PUSH_RE.fullmatch(step):
        return f"to {found[1]}"
    return "layers" if word == "pushing" and is_output(step) else step


def _line(parts: Sequence[tuple[str, str]], cells: int) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    for text, style in parts:
        line.append(visible(without_escapes(text)), style=style or None)
    line.truncate(cells, overflow="crop")
    return line


def _write_failures(report: Report, stream: TolerantStream, paint: Paint) -> None:
    lines = list(failure_lines(report, paint))
    named = any(image.failure and image.failure.log_file for image in report.images)
    if report.logs and not named:
        lines += [*[""] * bool(lines), paint(f"full logs: {clean(report.logs)}", Style.DIM)]
    stream.write("".join(f"{line}\n" for line in [""] * bool(lines) + lines))
    stream.flush()
