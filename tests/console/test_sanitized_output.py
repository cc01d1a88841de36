"""No output contains a command for a terminal or CI runner, whatever names and messages say."""

from __future__ import annotations

import io
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.console import as_json, graph, show
from pipeline.console.apps import print_releases, print_rollback, print_status
from pipeline.console.check import CheckResult
from pipeline.console.errors import show_error, show_warnings
from pipeline.console.fly import print_fly_apps, print_kept
from pipeline.console.out import reporter
from pipeline.console.terminal import TolerantStream
from pipeline.errors import ConfigError, Location, Problem, UnknownError
from pipeline.model.apps import Release, Running
from pipeline.model.events import (
    AppChanged,
    Finished,
    ImageChanged,
    LogLine,
    Notice,
    Phase,
    StepChanged,
    Warned,
)
from pipeline.model.fly_apps import FlyApp, FlyAppStatus
from pipeline.model.image import External
from pipeline.model.inputs import ContextEntry, EntryKind, Inputs, Key
from pipeline.model.keep import KeepStatus, Kept, Role, Slot
from pipeline.model.presence import Incomplete
from pipeline.model.report import DeployResult, DeployStatus, Failure
from pipeline.reference import ImageName
from tests.console.values import (
    API,
    DEBIAN,
    DIGEST,
    PLAN,
    PRINT,
    PROJECT,
    REPORT,
    STATUSES,
    make_image,
    make_project,
)
from tests.support.invoker import invoke
from tests.support.log_commands import find_log_commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = (
    "::set-output name=a::b", "\n  ::add-mask::a", "##[set-output name=x]y", "##vso[task.x a=b]c",
    "##teamcity[message text='a']", "\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "\u202egnp.exe",
    "\u2028\u200b", "section_start:1:a\r\x1b[0K", "caf\udce9",
)  # fmt: skip
NAME = ImageName("web")
"""Names of images are harmless; everything else may be anything."""


def output_of(write: Callable[[io.StringIO], object]) -> str:
    """Return what is written to a UTF-8 stream."""
    stream = io.StringIO()
    write(stream)
    return stream.getvalue()


def failure(said: str) -> Failure:
    """Return a failure with this text."""
    return Failure(said, said, said, said, (said, said), said)


def results(said: str) -> tuple[DeployResult, ...]:
    """Return an app of each status."""
    return tuple(
        DeployResult(said, NAME, status, said, said, said, failure=failure(said))
        for status in DeployStatus
    )


@pytest.mark.parametrize("said", ORDERS)
@pytest.mark.parametrize("colour", ["", "1"], ids=["plain", "coloured"])
def test_tables_and_errors(said: str, colour: str) -> None:
    """Everything that tasks print."""
    environ = {"FORCE_COLOR": colour}
    problems = [Problem(Location(said, 1, 2), said, said), Problem(None, said, said)]
    status = replace(
        STATUSES[0], app=said, reason=said, hint=said, now=Running(DIGEST, said, url=said)
    )
    steps = tuple(replace(step, app=said, reason=said) for step in PLAN.deploys)
    actions = tuple(replace(action, reason=said) for action in PLAN.images)
    plan = replace(PLAN, images=actions, deploys=steps, floating={NAME: (said,)})
    report = replace(REPORT, deploys=results(said), trouble=said, hint=said)
    entries = (
        ContextEntry(said, EntryKind.FILE, sha256="0"),
        ContextEntry(said, EntryKind.LINK, link=said),
    )
    inputs = Inputs(
        name=NAME,
        key=Key("f0" * 32),
        fingerprint=PRINT,
        test=(said,),
        target=said,
        platforms=(),
        args={said: said},
        bases={},
        externals={said: None},
        entries=entries,
        whole_context=said,
        floating=(said,),
    )
    kept = Kept(Slot(said, Role.BASE, NAME), KeepStatus.FAILED, None, said, said, said)
    app = FlyApp(said, (NAME,), None, FlyAppStatus.FAILED, said)

    for text in (
        output_of(lambda s: show.print_plan(plan, s, environ=environ)),
        output_of(lambda s: show.print_report(report, s, environ=environ)),
        output_of(lambda s: show.print_inputs(inputs, s, environ=environ)),
        output_of(
            lambda s: show.print_exists(DEBIAN, Incomplete(DIGEST, said), s, environ=environ)
        ),
        output_of(
            lambda s: show.print_doctor([CheckResult(said, False, said, said)], s, environ=environ)
        ),
        output_of(lambda s: print_status([status], s, environ=environ)),
        output_of(lambda s: print_releases([Release(said, said, None, said)], s, environ=environ)),
        output_of(lambda s: print_rollback(results(said), s, environ=environ)),
        output_of(lambda s: print_fly_apps([app], s, environ=environ)),
        output_of(lambda s: print_kept([kept], s, environ=environ)),
        output_of(lambda s: show_error(UnknownError(said, hint=said), s, environ=environ)),
        output_of(lambda s: show_error(ConfigError(problems), s, environ=environ)),
        output_of(lambda s: show_warnings(problems, s, environ=environ)),
    ):
        assert not find_log_commands(text)
        assert re.search(r"\w", text)


@pytest.mark.parametrize("said", ORDERS)
@pytest.mark.parametrize("live", [False, True])
def test_a_run(said: str, *, live: bool) -> None:
    """Steps, logs, messages, warnings and results, as lines and in the live view."""
    stream = io.StringIO()
    with reporter(stream, live=live, environ={"TERM": "xterm", "NO_COLOR": "1"}) as report:
        for event in (
            ImageChanged(NAME, Phase.BUILDING, said),
            StepChanged(NAME, said),
            LogLine(NAME, said, said),
            StepChanged(NAME, said, completed=True, seconds=2),
            ImageChanged(NAME, Phase.FAILED, said),
            AppChanged(said, said, said),
            Notice(said),
            Warned(Problem(Location(said), said, said)),
            Finished(replace(REPORT, deploys=results(said), trouble=said, hint=said)),
        ):
            report(event)

    # The live view also hides and moves the cursor, clears lines and sets styles.
    drawn = re.sub(r"\x1b\[(?:\?25[lh]|[0-9;]*[AKm])|\r", "", stream.getvalue())
    assert not find_log_commands(stream.getvalue()) or live
    assert not [c for c in drawn if c in "\x07\x1b\x9b\u202e\u2028\u200b\udce9"]


@pytest.mark.parametrize("said", ORDERS)
def test_json_has_the_same_text(said: str) -> None:
    """JSON parsers get the text; a runner that reads it as a log sees no command."""
    value: dict[str, object] = {"reason": said, said: [said]}

    text = output_of(lambda stream: as_json.dump(value, stream))

    assert json.loads(text) == value
    assert not find_log_commands(text)


def test_json_is_readable() -> None:
    """Letters are not escaped."""
    assert "größe 日本" in output_of(lambda stream: as_json.dump({"a": "größe 日本"}, stream))


@pytest.mark.parametrize("said", ORDERS)
def test_dot_and_mermaid(said: str) -> None:
    """Also for browsers: no HTML tag, and no quote that ends an id."""
    hostile = f'{said}"<script>`&'
    image = replace(make_image("x"), name=ImageName(hostile))
    outside = External(hostile, DEBIAN, Location("Dockerfile", 1))
    project = make_project(*PROJECT.images, image, replace(API, externals=(outside,)))

    dot = output_of(lambda stream: TolerantStream(stream).write(graph.dot(project)))
    mermaid = output_of(lambda stream: TolerantStream(stream).write(graph.mermaid(project)))
    tree = output_of(lambda stream: show.print_tree(project, stream, environ={}))

    assert not find_log_commands(dot + mermaid + tree)
    assert "<script>" not in mermaid
    assert all(line.count('"') % 2 == 0 for line in dot.replace('\\"', "").splitlines())


def test_a_hostile_project(tmp_path: Path) -> None:
    """Names of folders, files, stages, arguments and ignored keys of a hostile project."""
    name = "x\n::set-output name=image::evil\n\x1b]0;pwn\x07##[add-mask]a"
    folder = tmp_path / "images" / name
    for file in (name, "::set-output name=a::b", "##vso[task.setvariable variable=PATH]x"):
        (folder / "files" / file).mkdir(parents=True)
    (tmp_path / "tasks.py").write_text("from pipeline.tasks import ns\n")
    (tmp_path / "pipeline.toml").touch()
    (folder / "image.toml").write_text('name = "web"\nargs = { A = "::debug::a" }\n')
    (folder / "Dockerfile").write_text("FROM scratch AS web\nARG A\nCOPY files /\n")

    for words in ("graph", "graph --format dot", "inputs web", "inputs web --json"):
        ran = invoke(words.split(), tmp_path, os.environ)
        assert (ran.returncode, find_log_commands(ran.stdout), find_log_commands(ran.stderr)) == (
            0,
            [],
            [],
        )
    assert json.loads(ran.stdout)["origins"]["args.A"].startswith(f"images/{name}/image.toml")

    (folder / "image.toml").write_text('name = "web"\napps = "command:true"\nnmae = 1\n')
    (folder / "fly.toml").write_text('app = "##[debug]a"\n')
    for words in ("graph", "inputs web", "plan", "inputs ##[debug]a"):
        ran = invoke(words.split(" ", 1), tmp_path, os.environ)
        assert (ran.returncode, find_log_commands(ran.stdout), find_log_commands(ran.stderr)) == (
            2,
            [],
            [],
        )
        assert "\x07" not in ran.stderr
