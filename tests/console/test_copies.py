"""Copied and incomplete images in plans, runs, reports and answers."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import jsonschema
from msgspec.structs import replace

from pipeline.console.as_json import exists_json, plan_json, report_json
from pipeline.console.paint import plain
from pipeline.console.plain import plan_totals
from pipeline.console.rows import RowStatus, RowTable
from pipeline.console.show import plan_lines, print_exists
from pipeline.console.summary import summary
from pipeline.model.actions import Action
from pipeline.model.events import ImageChanged, Phase, Planned
from pipeline.model.plan import Plan
from pipeline.model.presence import Incomplete
from pipeline.model.report import ImageResult, ImageStatus, Report
from pipeline.reference import parse_reference
from tests.console import schemas
from tests.console.values import DIGEST, OS, PROJECT, PYTHON, make_action, make_reference

if TYPE_CHECKING:
    from pipeline.model.events import Event

SOURCE = parse_reference("ghcr.io/acme/os-base:1").at(DIGEST)
WHY = "`ghcr.io/acme/os-base:1` has the same fingerprint"
COPY = replace(
    make_action(OS, Action.BUILD), action=Action.COPY, reason=WHY, digest=DIGEST, source=SOURCE
)
PLAN = Plan(PROJECT, (COPY, make_action(PYTHON, Action.EXISTS)), requests=3)
COPIED = ImageResult(OS.name, ImageStatus.COPIED, make_reference("os-base"), WHY, DIGEST, 1.5)
INCOMPLETE = Incomplete(DIGEST, "`registry.fly.io/web:1` lacks the layer `sha256:0a`")


def test_a_plan_counts_and_explains_copies() -> None:
    """With the source of the copy."""
    lines = list(plan_lines(PLAN, plain))

    assert plan_totals(PLAN) == "0 to build, 1 to copy, 1 exists"
    assert lines[0].split() == ["copy", "os-base", *WHY.split()]


def test_a_plan_as_json_has_the_source() -> None:
    """Only a copy has a source."""
    document = plan_json(PLAN)

    jsonschema.validate(document, schemas.PLAN)
    rows = document["images"]
    assert isinstance(rows, list)
    assert [(row["action"], row["source"]) for row in rows] == [
        ("copy", f"ghcr.io/acme/os-base:1@{DIGEST}"),
        ("exists", None),
    ]


def test_a_report_counts_a_copy_as_a_skipped_build() -> None:
    """The table has its reference, as for a built image."""
    report = Report((COPIED,), requests=9, seconds=2.0)

    lines = summary(report, plain)

    jsonschema.validate(report_json(report), schemas.REPORT)
    assert lines[1].split()[:2] == ["os-base", "copied"]
    assert str(COPIED.reference) in lines[1]
    assert lines[-1].startswith("built 0, copied 1, exists 0, failed 0")
    assert lines[-1].endswith("1 build skipped")
    assert report.exit_code == 0


def test_stages_of_a_copy() -> None:
    """The stages of a copy."""
    table = RowTable()
    statuses = []
    events: tuple[Event, ...] = (
        Planned(PLAN),
        ImageChanged(OS.name, Phase.COPYING),
        ImageChanged(OS.name, Phase.COPIED, WHY, 1.0),
    )
    for event in events:
        table.handle(event, 0.0)
        statuses.append(table.rows[0].status)

    assert statuses == [RowStatus.WAITING, RowStatus.ACTIVE, RowStatus.DONE]
    assert table.rows[1].status is RowStatus.SKIPPED


def test_an_incomplete_image_does_not_exist() -> None:
    """Text and JSON name what is missing."""
    reference, stream = parse_reference("registry.fly.io/web:1"), StringIO()

    document = exists_json(reference, INCOMPLETE)
    print_exists(reference, INCOMPLETE, stream, environ={})

    jsonschema.validate(document, schemas.EXISTS)
    assert (document["exists"], document["reason"]) == (False, INCOMPLETE.reason)
    assert stream.getvalue() == f"incomplete  {INCOMPLETE.reason}\n"
