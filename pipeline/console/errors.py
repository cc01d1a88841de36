"""Print errors, warnings and failures: what happened, where, and what to do next."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..model.report import DeployStatus, ImageStatus
from .paint import Style
from .terminal import painter, write_lines
from .text import clean, clean_lines, hint_text, step_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from ..errors import PipelineError, Problem
    from ..model.report import DeployResult, Failure, Report
    from .paint import Paint

_LINE = "    "
_MOST_NAMES = 5
_HELD_HINT = (
    "`--force` deploys it anyway; if branches take turns on an app, set `backwards = true` in "
    "`[deploy]` of `pipeline.toml` or of a profile"
)


def show_error(
    error: PipelineError, stream: TextIO, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write an error: `error: …`, an empty line, `hint: …`.

    Of a `ConfigError`, all problems are written. Each begins with `file:line:column:`, which
    terminals and editors turn into a link.
    """
    paint = painter(stream, os.environ if environ is None else environ)
    write_lines(list(error_lines(error, paint)), stream)


def show_warnings(
    problems: Iterable[Problem], stream: TextIO, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write warnings: `warning: file:line:column: …`, and its hint below."""
    paint = painter(stream, os.environ if environ is None else environ)
    lines = [line for problem in problems for line in warning_lines(problem, paint)]
    if lines:
        write_lines(lines, stream)


def show_failures(
    report: Report, stream: TextIO, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write what failed and why, what that blocked, and the error that ended the run early."""
    lines = list(failure_lines(report, painter(stream, environ)))
    if lines:
        write_lines(lines, stream)


def error_lines(error: PipelineError, paint: Paint) -> Iterator[str]:
    """Return the lines of `show_error`."""
    failure = getattr(error, "failure", None)
    if isinstance(error, ConfigError):
        yield from _problem_lines(error.problems, paint)
    else:
        yield from _message_lines(error.message, error.hint, paint)
        if failure is not None:
            yield from _detail_lines(failure, paint, printed=error.message)


def warning_lines(problem: Problem, paint: Paint) -> Iterator[str]:
    """Return the lines of one warning."""
    yield from _located_lines(paint("warning:", Style.YELLOW), problem, paint)
    if problem.hint:
        yield from _hint_lines(problem.hint, paint, indent="  ")


def failure_lines(report: Report, paint: Paint) -> Iterator[str]:
    """Return the lines of `show_failures`; none if nothing failed."""
    results = [
        (str(i.name), i.reason, i.failure, i.status is ImageStatus.FAILED) for i in report.images
    ]
    results += [(d.app, d.reason, d.failure, _failed_itself(d)) for d in report.deploys]
    gap = False
    for name, reason, failure, failed in results:
        if failed:
            yield from [""] * gap
            yield from _failed_lines(name, reason, failure, paint)
            gap = True
    yield from _blocked_lines(report, paint, gap=gap)
    if report.trouble:
        yield from [""] * gap
        yield from _message_lines(report.trouble, report.hint, paint)


def _failed_itself(result: DeployResult) -> bool:
    """Return whether the app itself failed, and was not rolled back because of another app."""
    rolled_back = result.status is DeployStatus.ROLLED_BACK and result.failure is not None
    return rolled_back or result.status is DeployStatus.FAILED


def _message_lines(message: str, hint: str, paint: Paint) -> Iterator[str]:
    first, *more = clean_lines(message)
    yield f"{_error(paint)} {first}"
    yield from _indented(more)
    if hint:
        yield ""
        yield from _hint_lines(hint, paint)


def _problem_lines(problems: Sequence[Problem], paint: Paint) -> Iterator[str]:
    for problem in problems:
        yield from _located_lines(_error(paint), problem, paint)
        if problem.hint and len(problems) > 1:
            yield from _hint_lines(problem.hint, paint, indent="  ")
    if len(problems) == 1 and problems[0].hint:
        yield ""
        yield from _hint_lines(problems[0].hint, paint)


def _located_lines(word: str, problem: Problem, paint: Paint) -> Iterator[str]:
    first, *more = clean_lines(problem.message)
    where = paint(f"{clean(str(problem.location))}:", Style.BOLD) + " " if problem.location else ""
    yield f"{word} {where}{first}"
    yield from _indented(more)


def _hint_lines(hint: str, paint: Paint, *, indent: str = "") -> Iterator[str]:
    first, *more = clean_lines(hint_text(hint))
    yield f"{indent}{paint('hint:', Style.CYAN)} {first}"
    yield from _indented(more, indent)


def _indented(lines: Sequence[str], indent: str = "") -> Iterator[str]:
    """Indent the further lines of a message, so that none looks like a message of its own."""
    return (f"{indent}  {line}".rstrip() for line in lines)


def _error(paint: Paint) -> str:
    return paint("error:", Style.RED)


def _failed_lines(name: str, reason: str, failure: Failure | None, paint: Paint) -> Iterator[str]:
    if failure is None:
        yield f"{_error(paint)} `{clean(name)}` failed: {clean(reason)}"
        return
    step = f" at `{step_text(failure.step)}`" if failure.step else ""
    yield f"{_error(paint)} `{clean(name)}` failed{step}"
    yield from _detail_lines(failure, paint)


def _detail_lines(failure: Failure, paint: Paint, *, printed: str = "") -> Iterator[str]:
    if failure.location:
        yield f"  {paint(clean(failure.location), Style.BOLD)}"
    for line in clean_lines(failure.excerpt) if failure.excerpt else ():
        yield f"{_LINE}{paint('>>', Style.RED)} {line}".rstrip()
    if failure.log:
        yield paint("  last lines of its log:", Style.DIM)
        yield from (f"{_LINE}{line}".rstrip() for text in failure.log for line in clean_lines(text))
    if failure.message != printed:
        yield from (f"  {line}".rstrip() for line in clean_lines(failure.message))
    if failure.log_file:
        yield f"  full log: {clean(failure.log_file)}"
    if failure.hint:
        yield from _hint_lines(failure.hint, paint, indent="  ")


def _blocked_lines(report: Report, paint: Paint, *, gap: bool) -> Iterator[str]:
    reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for word, name, reason in _affected(report):
        # An error that ended the run blocks many: it is printed once, as the error itself.
        if not (report.trouble and report.trouble in reason):
            reasons[word, reason].append(name)
    yield from [""] * (gap and bool(reasons))
    for (word, reason), names in reasons.items():
        who = _listed(list(dict.fromkeys(names)))
        yield f"{paint(f'{word}:', Style.YELLOW)} {who}: {clean(reason)}"
    if any(app.status is DeployStatus.HELD for app in report.deploys):
        yield from _hint_lines(_HELD_HINT, paint)


def _listed(names: Sequence[str]) -> str:
    """Return names for a sentence; of many only the first, because the table above has them all."""
    shown = names if len(names) <= _MOST_NAMES else names[: _MOST_NAMES - 2]
    more = [f"{len(names) - len(shown)} more"] if len(shown) < len(names) else []
    return ", ".join([*(f"`{clean(name)}`" for name in shown), *more])


def _affected(report: Report) -> Iterator[tuple[str, str, str]]:
    """Return status, name and reason of images and apps that did not fail themselves."""
    for image in report.images:
        if image.status is ImageStatus.BLOCKED:
            yield "blocked", str(image.name), image.reason
    for app in report.deploys:
        if app.status is DeployStatus.HELD:
            yield "held", app.app, app.reason
        elif app.status is DeployStatus.BLOCKED:
            yield "blocked", app.app, app.reason
        elif app.status is DeployStatus.ROLLED_BACK and app.failure is None:
            yield "rolled back", app.app, app.reason
