"""Results as text."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace

from pipeline.console import show
from pipeline.console.check import CheckResult
from pipeline.console.paint import plain
from pipeline.console.summary import image_table, totals
from pipeline.model.presence import Absent, Present
from pipeline.model.report import Report
from pipeline.reference import Tag
from tests.console.test_as_json import INPUTS
from tests.console.values import DIGEST, PLAN, PROJECT, REPORT, make_reference

PLAN_TEXT = """\
exists   os-base      the registry has it
build    python-base  the registry has no `registry.fly.io/python-base:f0f0f0f0f0f0f0f0f0f0`
build    api          the registry has no `registry.fly.io/api:f0f0f0f0f0f0f0f0f0f0`
build    web          the registry has no `registry.fly.io/web:f0f0f0f0f0f0f0f0f0f0`
deploy   api          its image is built anew
current  web          it runs this image

note: `os-base`: `debian:bookworm-slim` is not locked

3 to build, 1 exists; 1 to deploy, 1 is current; 4 requests
"""

INPUTS_TEXT = f"""\
web  {"f0" * 32}
key:
  {"e1" * 32}  without the test
test:
  node --check app.js
target:
  the last stage
platforms:
  linux/amd64
bases:
  os-base  {"e1" * 32}
externals:
  docker.io/library/debian:bookworm-slim  not locked
  docker.io/library/node:22               {DIGEST}
triggers of docker.io/library/debian:bookworm-slim:
  ONBUILD COPY . /app  linux/amd64
args:
  PYTHON  '3.12'
  TOKEN   (no value)
files:
  app.py   sha256:{"ab" * 32} executable
  now      -> app.py
  static/
"""

DOCTOR_TEXT = """\
ok      engine    29.0
failed  registry  `r` refuses
  hint: log in
note    flyctl    not found

1 of 3 checks failed
"""


def test_a_plan_gives_each_action_and_its_reason() -> None:
    """A plan is readable without colour, and no line ends with spaces."""
    stream = io.StringIO()
    show.print_plan(PLAN, stream, environ={})

    assert stream.getvalue() == PLAN_TEXT


def test_aliases_to_be_moved_are_shown() -> None:
    """An existing image whose alias must move is something to do."""
    alias = replace(make_reference("os-base"), tag=Tag("latest"))
    action = replace(PLAN.images[0], move=(alias,))
    stream = io.StringIO()
    show.print_plan(replace(PLAN, images=(action,), deploys=(), floating={}), stream, environ={})

    assert stream.getvalue().splitlines() == [
        "exists  os-base  the registry has it",
        "alias   os-base  `latest` must move to it",
        "",
        "0 to build, 1 exists; 1 alias to move; 4 requests",
    ]


def test_force_color() -> None:
    """FORCE_COLOR colours data, too; NO_COLOR has priority."""
    forced, forbidden = io.StringIO(), io.StringIO()
    show.print_plan(PLAN, forced, environ={"FORCE_COLOR": "1"})
    show.print_plan(PLAN, forbidden, environ={"FORCE_COLOR": "1", "NO_COLOR": "1"})

    assert "\x1b[33m" in forced.getvalue()
    assert forbidden.getvalue() == PLAN_TEXT


def test_inputs_are_listed() -> None:
    """All inputs of a fingerprint are listed."""
    stream = io.StringIO()
    show.print_inputs(INPUTS, stream, environ={})

    assert stream.getvalue() == INPUTS_TEXT


def test_existence_as_text() -> None:
    """A reference exists, with its digest, or is absent."""
    stream = io.StringIO()
    show.print_exists(make_reference("web"), Present(DIGEST), stream, environ={})
    show.print_exists(make_reference("api"), Absent(), stream, environ={})

    assert stream.getvalue() == (
        f"exists  registry.fly.io/web:f0f0f0f0f0f0f0f0f0f0  {DIGEST}\n"
        "absent  registry.fly.io/api:f0f0f0f0f0f0f0f0f0f0\n"
    )


def test_doctor_shows_hints() -> None:
    """Each check is a line; a failed one has its hint below."""
    checks = [
        CheckResult("engine", ok=True, detail="29.0", hint="never shown"),
        CheckResult("registry", ok=False, detail="`r` refuses", hint="log in"),
        CheckResult("flyctl", ok=None, detail="not found"),
    ]
    stream = io.StringIO()
    show.print_doctor(checks, stream, environ={})

    assert stream.getvalue() == DOCTOR_TEXT


def test_a_tree_is_the_same_with_and_without_colour() -> None:
    """Without colour it is the tree of `graph`."""
    stream = io.StringIO()
    show.print_tree(PROJECT, stream, plan=PLAN, environ={})

    assert "│   └── web (build, app web)\n" in stream.getvalue()


def test_many_existing_images_are_one_line() -> None:
    """Among hundreds of images, unchanged ones are counted."""
    exists, built, *_ = REPORT.images

    lines = image_table([exists] * 248 + [built] * 2, plain)

    assert len(lines) == 4
    assert lines[-1] == "… 248 more exist"


@pytest.mark.parametrize(("cells", "alone"), [(120, False), (79, True), (40, True)])
def test_references_are_never_cut(cells: int, *, alone: bool) -> None:
    """Digests are left out first; then a reference is on a line of its own, to be copied."""
    lines = image_table(REPORT.images, plain, cells=cells)

    reference = str(REPORT.images[1].reference)
    assert (f"  {reference}" in lines) is alone
    assert any(line.endswith(reference) for line in lines)
    assert any("DIGEST" in line for line in lines) is (cells > 40)
    assert all(len(line) <= max(cells, len(reference) + 2) for line in lines)


def test_totals_count_skipped_builds() -> None:
    """The last line counts the skipped builds."""
    report = Report(REPORT.images[:2], requests=1, seconds=61.0, interrupted=True)

    assert totals(report) == [
        "built 1, exists 1, failed 0 in 1 min 01 s; 1 request; 1 build skipped; interrupted"
    ]
