"""The live view: its frames, and a real terminal that is restored afterwards."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from pipeline.console.live import frame, split_rows
from pipeline.console.out import reporter
from pipeline.console.rows import Row, RowStatus, RowStep, RowTable
from pipeline.console.text import width
from pipeline.model.events import Event, ImageChanged, Phase, StepChanged
from pipeline.reference import ImageName
from tests.console.values import RUN

ROOT = Path(__file__).parents[2]
WEB = ImageName("web")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"

CHILD = """
import sys, time
from pipeline.console.out import reporter
from tests.console.values import RUN

with reporter(sys.stderr) as report:
    for event in RUN[: int(sys.argv[1])]:
        report(event)
        time.sleep(0.05)
    if sys.argv[2] != "-":
        raise {"error": RuntimeError, "interrupt": KeyboardInterrupt}[sys.argv[2]]
"""


def make_rows(count: int, **statuses: int) -> list[Row]:
    """Return rows that wait, except that many of each other status, evenly from the start."""
    kinds = [
        RowStatus[status.upper()] for status, number in statuses.items() for _ in range(number)
    ]
    kinds += [RowStatus.WAITING] * (count - len(kinds))
    return [
        Row(f"image-{n}", app=False, word=status.value, status=status, log="…", since=0.0)
        for n, status in enumerate(kinds)
    ]


def frame_lines(rows: list[Row], cells: int = 80, height: int = 23) -> list[str]:
    """Return the lines of a frame as plain text."""
    lines = frame(rows, cells=cells, height=height, now=12.3, spent=12.3, spin="*")
    return [line.plain for line in lines]


def test_contents_of_a_row() -> None:
    """Status, name, step and time of an image are on one line."""
    table = RowTable()
    for event in RUN[:7]:
        table.handle(event, 10.0)

    lines = frame_lines(list(table.rows))

    assert lines[0].rstrip() == "= exists       os-base"
    assert lines[1].startswith("* building     python-base  [2/5] RUN apt-get update  ")
    assert lines[1].endswith("  2.3 s")
    assert lines[2].strip() == "Get:1 [red]not markup[/red] not red"


def test_all_rows_are_shown_if_they_fit() -> None:
    """A small project is shown completely, with totals below."""
    lines = frame_lines(make_rows(5, active=1))

    assert lines[-1] == "1 active, 4 waiting; 12.3 s"
    assert sum("image-" in line for line in lines) == 5


@pytest.mark.parametrize(("cells", "height"), [(80, 23), (120, 39), (20, 5), (1, 2)])
@pytest.mark.parametrize("active", [0, 3, 60])
@pytest.mark.parametrize("failed", [0, 2, 90])
def test_a_frame_fits_its_terminal(cells: int, height: int, active: int, failed: int) -> None:
    """A frame of 250 images is never larger than the terminal."""
    lines = frame_lines(make_rows(250, active=active, failed=failed), cells, height)

    assert len(lines) <= height
    assert max(map(width, lines)) <= cells


def test_hidden_rows_are_counted() -> None:
    """Images in progress and failed ones are shown; the others are counted."""
    lines = frame_lines(make_rows(250, skipped=60, active=6, failed=2))

    assert lines[-1] == "… 182 waiting, 60 skipped; 12.3 s"
    assert sum("image-" in line for line in lines) == 8


def test_failures_leave_space_for_images_in_progress() -> None:
    """With many failures, half of the space is left for images in progress."""
    rows = make_rows(250, failed=100, active=50)

    shown, rest = split_rows(rows, 20)

    assert [row.status for row in shown] == [RowStatus.FAILED] * 10 + [RowStatus.ACTIVE] * 10
    assert len(shown) + len(rest) == 250


EXPORTED: tuple[Event, ...] = (
    ImageChanged(WEB, Phase.BUILDING),
    StepChanged(WEB, "exporting to image"),
    StepChanged(WEB, "exporting to image", completed=True),
)
"""The events of an image up to the end of its export."""


def test_bytes_of_a_push_are_shown() -> None:
    """Known bytes are shown before the step."""
    step = RowStep("exporting to image", 2_000_000, 4_000_000)
    row = Row("web", app=False, word="pushing", status=RowStatus.ACTIVE, steps=(step,), since=0.0)

    assert "web  2.0 MB of 4.0 MB  layers" in frame_lines([row])[0]


def test_a_pushed_image_is_not_in_progress() -> None:
    """A finished image is not shown in progress while others of its solve are."""
    push = "pushing registry.fly.io/web:1234 with docker"
    table = RowTable()
    events: tuple[Event, ...] = (
        *EXPORTED,
        ImageChanged(WEB, Phase.PUSHING),
        StepChanged(WEB, push),
        StepChanged(WEB, push, completed=True),
    )
    for now, event in enumerate(events):
        table.handle(event, float(now))
        if now == 2:
            assert frame_lines(list(table.rows))[0].split() == ["^", "exported", "web", "2.0", "s"]
        if now == 4:
            active = ["*", "pushing", "web", "to", "registry.fly.io", "12.3", "s"]
            assert frame_lines(list(table.rows))[0].split() == active

    assert frame_lines(list(table.rows))[0].split() == ["^", "pushed", "web", "5.0", "s"]


def test_provenance_of_an_exported_image_is_not_progress() -> None:
    """With `--metadata-file`, buildx from 0.14 on reads it after each export."""
    provenance = "resolving provenance for metadata file"
    table = RowTable()
    events: tuple[Event, ...] = (
        *EXPORTED,
        StepChanged(WEB, provenance),
        StepChanged(WEB, provenance, completed=True),
    )
    for now, event in enumerate(events):
        table.handle(event, float(now))
        if now >= 2:
            assert frame_lines(list(table.rows))[0].split() == ["^", "exported", "web", "2.0", "s"]


def test_apps_are_counted_in_the_plural() -> None:
    """The footer says `2 apps waiting`."""
    rows = [Row(name, app=True) for name in ("a", "b")]

    assert frame_lines(rows)[-1] == "2 apps waiting; 12.3 s"


def test_a_name_that_is_cut_says_so() -> None:
    """In a narrow terminal, a long name ends in an ellipsis."""
    (line, _) = frame_lines([Row("a-rather-long-name-for-an-image-base", app=False)], cells=40)

    assert line == ". waiting   a-rather-long-name-for-an-i…"


def test_wide_names_are_aligned() -> None:
    """Columns are measured in terminal cells."""
    rows = [Row("日本", app=False, word="waiting"), Row("web", app=False, word="waiting")]
    rows = [Row(r.name, app=True, word="x", status=RowStatus.FAILED, reason="why") for r in rows]

    starts = {width(line.partition("why")[0]) for line in frame_lines(rows)[:2]}

    assert len(starts) == 1


def test_a_live_run_ends_in_summary_and_failures() -> None:
    """The summary and the failures stay on the screen."""
    stream = io.StringIO()
    environ = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
    with reporter(stream, live=True, environ=environ) as report:
        for event in RUN:
            report(event)

    end = stream.getvalue().rpartition(SHOW)[2]
    assert "built 1, exists 1, failed 1, blocked 1 in 15.0 s" in end
    assert "error: `api` failed at `[2/3] RUN make all`" in end


def test_no_color() -> None:
    """With NO_COLOR no colours are written."""
    stream = io.StringIO()
    environ = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
    with reporter(stream, live=True, environ=environ) as report:
        for event in RUN:
            report(event)

    assert not re.search(r"\x1b\[[0-9;]*3[0-7][0-9;]*m", stream.getvalue())


def on_a_terminal(events: int, ending: str) -> tuple[str, bool]:
    """Run the child on a pseudo-terminal; return its output, and whether that is restored."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(terminal)
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(events), ending],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environ,
        cwd=ROOT,
    )
    written = read_until_exit(child, main)
    sane = termios.tcgetattr(terminal) == before
    os.close(main)
    os.close(terminal)
    return written, sane


def read_until_exit(child: subprocess.Popen[bytes], main: int) -> str:
    """Read the child's output, so that the terminal's buffer is never full."""
    os.set_blocking(main, False)
    parts: list[bytes] = []
    running = True
    while running:
        try:
            child.wait(0.02)
            running = False
        except subprocess.TimeoutExpired:
            pass
        try:
            while part := os.read(main, 65536):
                parts.append(part)
        except BlockingIOError:
            continue
    return b"".join(parts).decode()


@pytest.mark.parametrize("ending", ["-", "error", "interrupt"])
def test_the_terminal_is_restored(ending: str) -> None:
    """However a run ends, the cursor is visible and the terminal settings are restored."""
    written, sane = on_a_terminal(8, ending)

    assert "python-base" in written
    assert written.rindex(HIDE) < written.rindex(SHOW)
    assert sane


def test_a_real_terminal_gets_the_summary_last() -> None:
    """On a terminal the live view is replaced by the summary."""
    written, sane = on_a_terminal(len(RUN), "-")

    assert "7 requests; 1 build skipped" in written.rpartition(SHOW)[2]
    assert sane


@pytest.mark.parametrize("live", [True, False])
def test_a_broken_stream_raises_nothing(*, live: bool) -> None:
    """A closed terminal or a full disk raises no exception."""
    stream = ClosedStream()

    with reporter(stream, live=live, environ={"TERM": "xterm"}) as report:
        for event in RUN:
            report(event)

    assert stream.tried == 1


class ClosedStream(io.StringIO):
    """A stream that fails; `tried` counts the writes."""

    tried = 0

    def write(self, text: str) -> int:
        """Raise as a closed terminal does."""
        self.tried += 1
        raise OSError(5, "Input/output error", text)
