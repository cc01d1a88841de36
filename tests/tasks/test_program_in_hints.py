"""Hints name the program that was started: the library writes `invoke`, and the output `fip`."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

import pipeline
from pipeline.console import as_json
from pipeline.console.apps import print_status
from pipeline.console.check import CheckResult
from pipeline.console.errors import show_error, show_failures, show_warnings
from pipeline.console.live import live_reporter
from pipeline.console.plain import PlainLines
from pipeline.console.show import print_doctor, print_plan
from pipeline.console.terminal import TolerantStream
from pipeline.console.text import hint_text, program
from pipeline.errors import ConfigError, Problem, UnknownError
from pipeline.model.actions import Action
from pipeline.model.events import Warned
from pipeline.model.report import ImageStatus
from pipeline.tasks._say import say
from tests.console.values import FAILURE, PLAN, REPORT, STATUSES
from tests.support.task_options import task_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

PACKAGE = Path(pipeline.__file__).parent
OTHERS = {"console/text.py", "project/lock_file.py", "tasks/_completion_script.py"}
"""Files without such hints: where the program's name is replaced, the head of `pipeline.lock`,
which is the same whichever program writes it, and the completion of all three programs."""
COMMAND = re.compile(r"`invoke ([^`]+)`")

HINT = "`invoke doctor` checks more"
ERROR = UnknownError("no answer", hint=HINT)
PROBLEM = Problem(None, "no answer", HINT)
FAILED = replace(
    REPORT,
    images=(
        replace(REPORT.images[0], status=ImageStatus.FAILED, failure=replace(FAILURE, hint=HINT)),
    ),
)
UNKNOWN = replace(
    PLAN, images=(replace(PLAN.images[0], action=Action.UNKNOWN, error=ERROR), *PLAN.images[1:])
)
CHECK = CheckResult("engine", ok=False, detail="no answer", hint=HINT)


def written_texts() -> Iterator[tuple[str, str]]:
    """Return the strings of the package that name one of the programs, each with its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        file = str(path.relative_to(PACKAGE))
        found = _texts(ast.parse(path.read_text(encoding="utf-8")))
        yield from (
            (file, text)
            for text in found
            if file not in OTHERS and re.search(r"\b(invoke|inv|fip) [a-z-]", text)
        )


def _texts(node: ast.AST) -> Iterator[str]:
    """Return all strings below a node but docstrings; a value in an f-string is `NAME`."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "NAME" for part in node.values)
        yield "".join(map(str, parts))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def test_a_hint_names_a_task_and_options_that_are_there() -> None:
    """In the one form that is replaced: Invoke itself can parse each command."""
    parser = task_parser()
    found = list(written_texts())

    assert len(found) > 25
    for file, text in found:
        commands = COMMAND.findall(text)
        assert len(commands) == len(re.findall(r"\b(?:invoke|inv|fip) ", text)), (file, text)
        for command in commands:
            assert parser.parse_argv(command.split())[0].name, (file, command)


@pytest.mark.parametrize(
    ("started", "name"),
    [
        ("/usr/local/bin/fip", "fip"),
        ("fip", "fip"),
        ("/home/me/.venv/bin/invoke", "invoke"),
        ("inv", "inv"),
        ("/home/me/.venv/lib/invoke/__main__.py", "invoke"),
        ("deploy.py", "invoke"),
        ("", "invoke"),
    ],
)
def test_the_program_is_the_one_that_was_started(
    monkeypatch: pytest.MonkeyPatch, started: str, name: str
) -> None:
    """By its own name, wherever it is; a script that uses the library says `invoke`."""
    monkeypatch.setattr(sys, "argv", [started, "plan"])

    assert program() == name
    assert hint_text(f"first {HINT}, then `docker login`") == (
        f"first `{name} doctor` checks more, then `docker login`"
    )


def as_document(value: dict[str, object], stream: TextIO) -> None:
    """Write a document of `--json`."""
    stream.write(json.dumps(value))


def plain_lines(stream: TextIO) -> None:
    """Write a warning as a run without a terminal does."""
    lines = TolerantStream(stream)
    PlainLines(lines, lines, lambda: 0.0)(Warned(PROBLEM))


def live_view(stream: TextIO) -> None:
    """Write a warning as the live view does."""
    with live_reporter(stream, None, {}, lambda: 0.0) as report:
        report(Warned(PROBLEM))


PRINTERS: dict[str, Callable[[TextIO], None]] = {
    "error": lambda out: show_error(ERROR, out, environ={}),
    "mistake": lambda out: show_error(ConfigError([PROBLEM]), out, environ={}),
    "mistakes": lambda out: show_error(ConfigError([PROBLEM, PROBLEM]), out, environ={}),
    "warning": lambda out: show_warnings([PROBLEM], out, environ={}),
    "failure": lambda out: show_failures(FAILED, out, environ={}),
    "trouble": lambda out: show_failures(replace(REPORT, trouble="x", hint=HINT), out, environ={}),
    "plan": lambda out: print_plan(UNKNOWN, out, environ={}),
    "status": lambda out: print_status([replace(STATUSES[0], hint=HINT)], out, environ={}),
    "doctor": lambda out: print_doctor([CHECK], out, environ={}),
    "plain lines": plain_lines,
    "live view": live_view,
    "error.json": lambda out: as_document(as_json.error_json(ERROR), out),
    "mistake.json": lambda out: as_document(as_json.error_json(ConfigError([PROBLEM])), out),
    "plan.json": lambda out: as_document(as_json.plan_json(UNKNOWN), out),
    "warning.json": lambda out: as_document(
        as_json.plan_json(replace(PLAN, warnings=(PROBLEM,))), out
    ),
    "failure.json": lambda out: as_document(as_json.report_json(FAILED), out),
    "trouble.json": lambda out: as_document(
        as_json.report_json(replace(REPORT, trouble="x", hint=HINT)), out
    ),
    "status.json": lambda out: as_document(
        as_json.status_json([replace(STATUSES[0], hint=HINT)]), out
    ),
    "doctor.json": lambda out: as_document(as_json.doctor_json([CHECK]), out),
}


@pytest.mark.parametrize("name", PRINTERS)
def test_all_output_names_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Text and JSON, wherever a hint is printed."""
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/fip", "plan"])
    out = io.StringIO()
    PRINTERS[name](out)

    assert "`fip doctor` checks more" in out.getvalue()
    assert "invoke" not in out.getvalue()


def test_lines_of_tasks_name_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hint that a task prints by itself."""
    monkeypatch.setattr(sys, "argv", ["fip", "init", "--check"])
    say(f"hint: {HINT}")

    assert capsys.readouterr().err == "hint: `fip doctor` checks more\n"
