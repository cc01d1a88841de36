"""Print results as text; to stdout, if no other stream is given."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from ..model.inputs import EntryKind
from ..model.presence import Incomplete, Present
from .graph import tree_lines
from .paint import Style, status_style
from .plain import plan_totals
from .summary import summary
from .table import Cell, columns, rows_of_lines
from .terminal import columns_of, painter, write_lines
from .text import amount, clean, hint_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

    from ..model.inputs import ContextEntry, Inputs
    from ..model.plan import Plan
    from ..model.presence import Presence
    from ..model.project import Project
    from ..model.refresh import Refresh
    from ..model.report import Report
    from ..reference import Reference
    from .check import CheckResult
    from .graph import TreeLine
    from .paint import Paint


def print_plan(
    plan: Plan, stream: TextIO | None = None, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write each action and its reason, floating content, and the totals; to stdout by default."""
    stream = stream or sys.stdout
    lines = plan_lines(plan, painter(stream, environ), cells=columns_of(stream))
    write_lines(list(lines), stream)


def print_report(
    report: Report, stream: TextIO | None = None, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write the summary of a report. The reporter of a run prints it by itself."""
    stream = stream or sys.stdout
    lines = summary(report, painter(stream, environ), cells=columns_of(stream))
    write_lines(lines, stream)


def print_inputs(
    inputs: Inputs, stream: TextIO | None = None, *, environ: Mapping[str, str] | None = None
) -> None:
    """Write all inputs of a fingerprint."""
    stream = stream or sys.stdout
    lines = inputs_lines(inputs, painter(stream, environ), cells=columns_of(stream))
    write_lines(list(lines), stream)


def print_exists(
    reference: Reference,
    presence: Presence | Incomplete,
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write whether a reference exists: its digest, or what an incomplete image lacks."""
    stream = stream or sys.stdout
    paint = painter(stream, environ)
    if isinstance(presence, Present):
        line = f"{paint('exists', Style.GREEN)}  {reference}  {presence.digest}"
    elif isinstance(presence, Incomplete):
        line = f"{paint('incomplete', Style.RED)}  {clean(presence.reason)}"
    else:
        line = f"{paint('absent', Style.YELLOW)}  {reference}"
    write_lines([line], stream)


def print_tree(
    project: Project,
    stream: TextIO | None = None,
    *,
    plan: Plan | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write the graph as a tree, with the actions of a plan if there is one."""
    stream = stream or sys.stdout
    paint = painter(stream, environ)
    write_lines([_tree_line(line, paint) for line in tree_lines(project, plan)], stream)


def print_doctor(
    checks: Sequence[CheckResult],
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Write a line per check, hints below those that failed, and how many failed."""
    stream = stream or sys.stdout
    lines = doctor_lines(checks, painter(stream, environ), cells=columns_of(stream))
    write_lines(list(lines), stream)


def plan_lines(value: Plan, paint: Paint, *, cells: int | None = None) -> Iterator[str]:
    """Return the lines of `plan`; `cells` is the width of the terminal."""
    rows = []
    for action in value.images:
        word = action.action.value
        reason = f"`{action.reference}`: {action.reason}" if action.error else action.reason
        rows.append(_plan_row(word, action.name, reason))
        if word == "exists" and action.move:
            tags = ", ".join(f"`{alias.tag}`" for alias in action.move)
            rows.append(_plan_row("alias", action.name, f"{tags} must move to it"))
    rows += [_plan_row(step.action.value, step.app, step.reason) for step in value.deploys]
    rows += [
        _plan_row("unknown", f"apps of {name}", why.message) for name, why in value.unlisted.items()
    ]
    yield from columns(rows, paint, cells=cells)
    notes = [(name, text) for name, texts in value.floating.items() for text in texts]
    yield from [""] * bool(notes or value.hints)
    for name, text in dict.fromkeys(notes):
        yield paint(f"note: `{name}`: {clean(text)}", Style.DIM)
    for hint in value.hints:
        yield f"{paint('hint:', Style.CYAN)} {clean(hint_text(hint))}"
    yield from _next_refresh(value, paint)
    yield ""
    yield paint(
        f"{plan_totals(value)}; {amount(value.requests, 'request', 'requests')}", Style.BOLD
    )


def _next_refresh(value: Plan, paint: Paint) -> Iterator[str]:
    """Yield which image is built anew next, though nothing of it changes, and when."""
    found = [(each.due, a.name, each) for a in value.images if (each := a.image.refresh)]
    if found:
        _, name, first = min(found, key=lambda one: one[:2])
        others = f" (the first of {len(found)} images)" if len(found) > 1 else ""
        text = f"refresh: `{name}` is next due at {first.due_text}, every {first.every}{others}"
        yield paint(text, Style.DIM)


def inputs_lines(value: Inputs, paint: Paint, *, cells: int | None = None) -> Iterator[str]:
    """Return the lines of `inputs`; `cells` is the width of the terminal."""
    section = partial(_section, paint=paint, cells=cells)
    yield f"{paint(value.name, Style.BOLD)}  {value.fingerprint}"
    if value.test:
        yield from section("key", [(str(value.key), "without the test")])
        yield from section("test", [(shlex.join(value.test), "")])
    origins = {key: f"from {location}" for key, location in value.origins.items()}
    if value.dockerfile:
        path, origin = str(value.dockerfile), origins.get("dockerfile", "")
        rows = [(path, f"sha256:{sha256(value.source).hexdigest()}  {origin}".rstrip())]
        yield from section("dockerfile", rows)
    yield from section("frontend", [(value.frontend, "")] if value.frontend else [])
    if value.ignored:
        yield from section("ignore file", [(str(value.ignored[0]), "")])
    target = value.target or "the last stage"
    yield from section("target", [(target, origins.get("target", ""))])
    yield from section("platforms", [(str(p), "") for p in value.platforms])
    yield from section("bases", [(n, str(k)) for n, k in value.bases.items()])
    externals = [(r, d or "not locked") for r, d in value.externals.items()]
    yield from section("externals", externals)
    for reference, found in value.triggers.items():
        rows = [(f"ONBUILD {text}", str(p)) for p, each in found for text in each]
        yield from section(f"triggers of {reference}", rows)
    args = [(name, _argument(v, origins.get(f"args.{name}", ""))) for name, v in value.args.items()]
    yield from section("args", args)
    title = _files("files", value.whole_context)
    yield from section(title, [_entry(entry) for entry in value.entries])
    for name, context in value.contexts.items():
        title = _files(f"context {name} ({context.path})", context.whole_context)
        rows = [_entry(entry) for entry in context.entries]
        yield from section(title, rows or [("no file is read", "")])
    yield from section("options", list(value.options.items()))
    yield from section("salt", [(repr(value.salt), "")] if value.salt else [])
    yield from section("refresh", _refresh(value.refresh) if value.refresh else [])
    yield from section("key version", [(value.version, "")] if value.version else [])
    yield from section("floating", [(text, "") for text in value.floating])


def _refresh(found: Refresh) -> list[tuple[str, str]]:
    return [(f"period {found.period:,}", f"every {found.every}, the next from {found.due_text}")]


def _files(title: str, whole: str) -> str:
    return f"{title} (all of the context: {whole})" if whole else title


def _argument(value: str | None, origin: str) -> str:
    shown = "(no value)" if value is None else repr(value)
    return f"{shown}  {origin}" if origin else shown


def doctor_lines(
    checks: Sequence[CheckResult], paint: Paint, *, cells: int | None = None
) -> Iterator[str]:
    """Return the lines of `doctor`; `cells` is the width of the terminal."""
    words = {True: "ok", False: "failed", None: "note"}
    rows = [
        [Cell(words[c.ok], status_style(words[c.ok])), Cell(clean(c.name)), Cell(clean(c.detail))]
        for c in checks
    ]
    for check, lines in zip(checks, rows_of_lines(rows, paint, cells=cells), strict=True):
        yield from lines
        if check.hint and check.ok is not True:
            yield f"  {paint('hint:', Style.CYAN)} {clean(hint_text(check.hint))}"
    failed = sum(check.ok is False for check in checks)
    yield ""
    yield (
        f"{failed} of {amount(len(checks), 'check', 'checks')} failed"
        if failed
        else "all checks passed"
    )


def _tree_line(line: TreeLine, paint: Paint) -> str:
    action = paint(line.action, status_style(line.action))
    notes = ", ".join(filter(None, (action, paint(clean(line.note), Style.DIM))))
    return f"{paint(line.prefix, Style.DIM)}{line.name}" + (f" ({notes})" if notes else "")


def _plan_row(word: str, name: str, reason: str) -> list[Cell]:
    return [Cell(word, status_style(word)), Cell(clean(name)), Cell(clean(reason))]


def _section(
    title: str, rows: Sequence[tuple[str, str]], *, paint: Paint, cells: int | None
) -> Iterator[str]:
    if not rows:
        return
    yield paint(f"{title}:", Style.BOLD)
    table = [[Cell(clean(one)), Cell(clean(two), Style.DIM)] for one, two in rows]
    room = None if cells is None else max(cells - 2, 1)
    yield from (f"  {line}" for line in columns(table, paint, cells=room))


def _entry(entry: ContextEntry) -> tuple[str, str]:
    match entry.kind:
        case EntryKind.FILE:
            return entry.path, f"sha256:{entry.sha256}" + (
                " executable" if entry.executable else ""
            )
        case EntryKind.LINK:
            return entry.path, f"-> {entry.link}"
        case EntryKind.DIRECTORY:
            return f"{entry.path.rstrip('/')}/", ""
