"""Tables in terminals of any width: nothing is cut, and no word is broken."""

from __future__ import annotations

import pytest

from pipeline.console.apps import release_lines, status_lines
from pipeline.console.fly import fly_app_lines, kept_lines
from pipeline.console.paint import plain
from pipeline.console.show import doctor_lines, inputs_lines, plan_lines
from pipeline.console.summary import summary
from pipeline.console.table import Cell, columns, header
from pipeline.console.text import width
from tests.console.test_as_json import CHECKS, INPUTS
from tests.console.values import PLAN, RELEASES, REPORT, STATUSES

HEAD = header("IMAGE", "STATUS", "TIME", "DIGEST", "REFERENCE")
LONG = "reg.example/acme-a-rather-long-name:f0f0f0f0f0f0f0f"
SHORT = "reg.example/web:0123456789abcdef0123"


def row(*texts: str) -> list[Cell]:
    """Return a row of a table."""
    return [Cell(text, right=at == 2) for at, text in enumerate(texts)]


ROWS = [
    HEAD,
    row("a-rather-long-name", "built", "1.0 s", "0123456789ab", LONG),
    row("web", "exists", "-", "0123456789ab", SHORT),
]

WIDE = """\
IMAGE               STATUS   TIME  DIGEST        REFERENCE
a-rather-long-name  built   1.0 s  0123456789ab  reg.example/acme-a-rather-long-name:f0f0f0f0f0f0f0f
web                 exists      -  0123456789ab  reg.example/web:0123456789abcdef0123
"""
WITHOUT_DIGESTS = """\
IMAGE               STATUS   TIME  REFERENCE
a-rather-long-name  built   1.0 s  reg.example/acme-a-rather-long-name:f0f0f0f0f0f0f0f
web                 exists      -  reg.example/web:0123456789abcdef0123
"""
ON_ITS_OWN_LINE = """\
IMAGE               STATUS   TIME  DIGEST        REFERENCE
a-rather-long-name  built   1.0 s  0123456789ab
  reg.example/acme-a-rather-long-name:f0f0f0f0f0f0f0f
web                 exists      -  0123456789ab
  reg.example/web:0123456789abcdef0123
"""
NARROW = """\
a-rather-long-name  built  1.0 s
  reg.example/acme-a-rather-long-name:f0f0f0f0f0f0f0f
web  exists
  reg.example/web:0123456789abcdef0123
"""


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (None, WIDE),
        (120, WIDE),
        (90, WITHOUT_DIGESTS),
        (70, ON_ITS_OWN_LINE),
        (40, NARROW),
    ],
)
def test_what_does_not_fit_is_on_a_line_of_its_own(cells: int | None, text: str) -> None:
    """A reference is whole, whatever the width."""
    assert columns(ROWS, plain, cells=cells, spare=(3,)) == text.splitlines()


def test_only_a_row_that_does_not_fit_is_broken() -> None:
    """The others stay as they are, and a reason is broken between words."""
    rows = [row("web", "it runs another image than it should"), row("api", "it runs")]

    assert columns(rows, plain, cells=24) == [
        "web",
        "  it runs another image",
        "  than it should",
        "api  it runs",
    ]


@pytest.mark.parametrize("cells", [120, 80, 60, 40, 20])
def test_every_table_keeps_every_word(cells: int) -> None:
    """Each line fits, unless it is one word; no word is lost but a digest or a title."""
    tables = {
        "summary": (summary(REPORT, plain, cells=cells), summary(REPORT, plain)),
        "status": (status_lines(STATUSES, plain, cells=cells), status_lines(STATUSES, plain)),
        "releases": (release_lines(RELEASES, plain, cells=cells), release_lines(RELEASES, plain)),
        "plan": (list(plan_lines(PLAN, plain, cells=cells)), list(plan_lines(PLAN, plain))),
        "inputs": (
            list(inputs_lines(INPUTS, plain, cells=cells)),
            list(inputs_lines(INPUTS, plain)),
        ),
        "doctor": (
            list(doctor_lines(CHECKS, plain, cells=cells)),
            list(doctor_lines(CHECKS, plain)),
        ),
    }
    for name, (lines, whole) in tables.items():
        lost = set(" ".join(whole).split()) - set(" ".join(lines).split())
        assert all(word in {"0123456789ab", "-"} or word.isupper() for word in lost), (name, lost)
        if name in {"summary", "releases"}:
            assert all(width(line) <= cells or len(line.split()) == 1 for line in lines), name
    assert kept_lines((), plain, cells=cells) == ["no image is kept"]
    assert fly_app_lines((), plain, cells=cells)
