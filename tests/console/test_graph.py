"""The graph as tree, DOT and Mermaid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.console.graph import dot, mermaid, tree
from pipeline.model.image import UNNAMED, AppSpec
from pipeline.reference import Platform, parse_reference
from tests.console.values import PLAN, PROJECT, make_image, make_project

TREE = """\
os-base (from debian:bookworm-slim)
├── python-base
│   ├── api (app api)
│   └── web (app web)
└── web (app web)
"""

CHILDREN_TWICE = """\
a
├── b
│   └── c
│       └── d
└── c (see above)
"""

ODD_NAMES = ["a.b", "a__b", "a--b", "a-b", "a_b", "end", "a2eb", "0"]


def test_a_tree_names_each_edge() -> None:
    """An image is below each of its bases."""
    assert tree(PROJECT) == TREE


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({}, ""),
        ({"deploy": AppSpec(("one", "two"))}, " (apps one two)"),
        ({"deploy": AppSpec(("a", "b", "c", "d"))}, " (4 apps)"),
        ({"deploy": AppSpec((), pending="match:acme-*")}, " (apps match:acme-*)"),
        ({"deploy": AppSpec((), pending=UNNAMED)}, " (app without a name)"),
        ({"deploy": AppSpec(())}, " (app)"),
        ({"context": PurePosixPath()}, " (context .)"),
        ({"platforms": (Platform("linux", "arm64"),)}, " (for linux/arm64)"),
        ({"target": "run", "context": PurePosixPath("a")}, " (context a, target run)"),
        (
            {"dockerfile": PurePosixPath("images/web/Dockerfile.gpu")},
            " (images/web/Dockerfile.gpu)",
        ),
        ({"public": parse_reference("nginx:1"), "dockerfile": PurePosixPath("fly.toml")}, ""),
    ],
)
def test_a_tree_notes_what_is_not_as_usual(changes: dict[str, Any], note: str) -> None:
    """Apps, another Dockerfile or context, a target: what settings can get wrong."""
    image = replace(make_image("web"), **changes)

    assert tree(make_project(image)) == f"web{note}\n"


def test_a_tree_draws_dependents_once() -> None:
    """The dependents of an image are drawn only the first time."""
    images = [
        make_image("a"),
        make_image("b", "a"),
        make_image("c", "a", "b"),
        make_image("d", "c"),
    ]

    assert tree(make_project(*images)) == CHILDREN_TWICE


def test_a_tree_marks_actions_in_words() -> None:
    """With a plan, each image has its action."""
    assert "├── python-base (build)\n" in tree(PROJECT, PLAN)
    assert tree(PROJECT, PLAN).startswith("os-base (exists, from debian:bookworm-slim)\n")


def test_a_long_chain_is_drawn() -> None:
    """A chain may be longer than Python's recursion limit."""
    images = [make_image("i0"), *(make_image(f"i{n}", f"i{n - 1}") for n in range(1, 1500))]

    assert len(tree(make_project(*images)).splitlines()) == 1500


def test_a_project_without_images_is_an_empty_tree() -> None:
    """No images, no lines."""
    assert tree(make_project()) == ""


def test_dot_quotes_every_id() -> None:
    """Ids are quoted, and edges lead from base to dependent."""
    picture = dot(PROJECT, PLAN)

    assert picture.startswith("digraph images {\n")
    assert '  "os-base" -> "python-base";\n' in picture
    assert '  "docker.io/library/debian:bookworm-slim" -> "os-base";\n' in picture
    assert '  "api" [label="api\\nbuild", shape=ellipse, style=bold];\n' in picture
    assert picture.endswith("}\n")


def test_mermaid_ids_are_plain_words() -> None:
    """Ids are unique and consist of letters, digits and `_`."""
    picture = mermaid(make_project(*map(make_image, ODD_NAMES)))
    ids = re.findall(r"^  (image_\w+)\[", picture, re.MULTILINE)

    assert len(ODD_NAMES) == len(set(ids))
    assert re.compile(r"image_[A-Za-z0-9_]+").fullmatch("".join(ids[:1]))


def test_mermaid_draws_edges_between_ids() -> None:
    """An edge leads from the base's id to the dependent's."""
    picture = mermaid(PROJECT, PLAN)

    assert picture.startswith("flowchart LR\n")
    assert "  image_os_2dbase --> image_python_2dbase\n" in picture
    assert '  image_api(["api<br/>build"]):::build\n' in picture


@pytest.mark.parametrize("module", ["graph", "as_json", "check"])
def test_graphs_and_json_do_not_import_rich(module: str) -> None:
    """JSON, DOT and Mermaid do not import rich."""
    code = f"import sys, pipeline.console.{module}; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
