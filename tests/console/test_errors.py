"""Errors and failures as text."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace

from pipeline.console.errors import show_error, show_failures, show_warnings
from pipeline.console.out import reporter
from pipeline.errors import ConfigError, Location, PipelineError, Problem, UnknownError
from pipeline.model.events import Warned
from pipeline.model.report import DeployResult, DeployStatus, Report
from pipeline.reference import ImageName
from tests.console.values import FAILURE, REPORT

PLACE = Location("images/web/image.toml", 3, 1)

ONE = """\
error: images/web/image.toml:3:1: unknown key `argz`

hint: did you mean `args`?
"""

TWO = """\
error: images/web/image.toml:3:1: unknown key `argz`
  hint: did you mean `args`?
error: there is no image `wep`
"""

UNKNOWN = """\
error: `127.0.0.1:5000` refused the connection

hint: start the registry
"""

WARNINGS = """\
warning: images/web/image.toml:3:1: `v` is a pointer
  hint: `git lfs pull`
warning: without a place
"""

FAILURES = """\
error: `api` failed at `[2/3] RUN make all`
  images/api/Dockerfile:3:1
    >> RUN make all
  last lines of its log:
    make: *** No rule to make target 'all'.  Stop.
  process "/bin/sh -c make all" did not complete successfully: exit code: 2

blocked: `web`: not tried, because `api` failed
blocked: `api`: its image `api` is failed
"""

ERRORS = [
    (ConfigError([Problem(PLACE, "unknown key `argz`", "did you mean `args`?")]), ONE),
    (
        ConfigError(
            [
                Problem(PLACE, "unknown key `argz`", "did you mean `args`?"),
                Problem(None, "there is no image `wep`"),
            ]
        ),
        TWO,
    ),
    (
        UnknownError("`127.0.0.1:5000` refused the connection", hint="start the registry"),
        UNKNOWN,
    ),
    (UnknownError("no engine"), "error: no engine\n"),
]


def failures(report: Report) -> str:
    """Return the text about a report's failures."""
    stream = io.StringIO()
    show_failures(report, stream, environ={})
    return stream.getvalue()


@pytest.mark.parametrize(("error", "text"), ERRORS)
def test_an_error_has_its_location_and_hint(error: PipelineError, text: str) -> None:
    """All problems of an error are printed with location and hint."""
    stream = io.StringIO()
    show_error(error, stream, environ={})

    assert text == stream.getvalue()


def test_warnings_have_their_location_and_hint() -> None:
    """Before a run and as an event, as plain lines and on a terminal."""
    problems = [
        Problem(PLACE, "`v` is a pointer", "`git lfs pull`"),
        Problem(None, "without a place"),
    ]
    direct, plain, live, none = (io.StringIO() for _ in range(4))

    show_warnings(problems, direct, environ={})
    for stream, terminal in ((plain, False), (live, True)):
        environ = {"COLUMNS": "80", "LINES": "20", "NO_COLOR": "1"}
        with reporter(stream, live=terminal, environ=environ) as report:
            for problem in problems:
                report(Warned(problem))
    show_warnings([], none, environ={})

    assert direct.getvalue() == plain.getvalue() == WARNINGS
    assert all(line in live.getvalue() for line in WARNINGS.splitlines())
    assert none.getvalue() == ""


def test_a_message_cannot_write_escape_codes() -> None:
    """Escape sequences in a message, which may come from a registry, are removed.

    Continuation lines are indented, so that none looks like ours.
    """
    stream = io.StringIO()
    show_error(UnknownError("a\x1b[2Jb\nerror: second line"), stream, environ={})

    assert stream.getvalue() == "error: ab\n  error: second line\n"


def test_a_failure_is_complete() -> None:
    """Image, step, location, its line, the end of the log, and the blocked images."""
    assert failures(REPORT) == FAILURES


def test_a_failure_without_details_has_its_reason() -> None:
    """Without details the reason is printed."""
    bare = replace(REPORT.images[2], failure=None, reason="its aliases could not be moved")

    assert failures(Report((bare,))) == "error: `api` failed: its aliases could not be moved\n"


def test_the_error_that_stopped_a_run() -> None:
    """The error that stopped the run is printed with a hint."""
    report = Report((), trouble="the engine went away", hint="start it")

    assert failures(report) == "error: the engine went away\n\nhint: start it\n"


def test_blocked_images_are_grouped_by_reason() -> None:
    """Images that are blocked by the same one are one line."""
    blocked = REPORT.images[3]
    other = replace(blocked, name=REPORT.images[0].name)

    assert failures(Report((blocked, other))) == (
        "blocked: `web`, `os-base`: not tried, because `api` failed\n"
    )


def test_held_apps_have_one_hint() -> None:
    """One hint for all of them."""
    why = "commit 1f2e3d4 runs, which is newer"
    held = [DeployResult(app, ImageName("web"), DeployStatus.HELD, why) for app in ("eu", "us")]

    first, second = failures(Report((), tuple(held))).splitlines()

    assert first == f"held: `eu`, `us`: {why}"
    assert second.startswith("hint: `--force` deploys it anyway; ")


def test_success_prints_nothing() -> None:
    """A report without failures prints nothing here."""
    assert failures(Report(REPORT.images[:2])) == ""


def test_many_blocked_images_are_counted() -> None:
    """The table above names them all."""
    names = [f"app-{number:02}" for number in range(49)]
    blocked = [replace(REPORT.images[3], name=ImageName(name)) for name in names]

    lines = failures(replace(REPORT, images=tuple(blocked), deploys=())).splitlines()

    names_shown = "`app-00`, `app-01`, `app-02`, 46 more"
    assert lines == [f"blocked: {names_shown}: not tried, because `api` failed"]


def test_every_line_of_an_instruction_is_marked() -> None:
    """As BuildKit does; and the file with the whole log is named."""
    failure = replace(FAILURE, excerpt="RUN make && \\\n    exit 1", log_file="/cache/web.log")
    lines = failures(replace(REPORT, images=(replace(REPORT.images[2], failure=failure),)))

    assert "    >> RUN make && \\\n    >>     exit 1\n" in lines
    assert "  full log: /cache/web.log\n" in lines
