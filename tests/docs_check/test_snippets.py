"""Snippets of the pages that are no commands: settings, the Makefile, Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import jsonschema

from tests.docs_check.page import DOCS, ROOT, pages
from tests.support.fake_programs import write_program
from tests.support.scripted_server import scripted_server
from tests.support.small_projects import write_tree
from tests.unchanged.views import has_everything, plain_environ

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMAS = [
    json.loads((ROOT / f"pipeline/schema/{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("pipeline", "image")
]


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language in a page."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def settings() -> Iterator[tuple[str, str]]:
    """Return all blocks of TOML with their pages."""
    for path in pages():
        yield from ((str(path.relative_to(ROOT)), text) for text in blocks(path, "toml"))


def test_settings_are_valid() -> None:
    """Each block is a `pipeline.toml`, an `image.toml` or a `fly.toml`, by their schemas."""
    found = list(settings())

    assert len(found) > 25
    for page, text in found:
        table = tomllib.loads(text)
        if {"app", "external"} & table.keys():
            continue  # It is a configuration of Fly's, or a `pipeline.lock`.
        problems = []
        for schema in SCHEMAS:
            try:
                jsonschema.validate(table, schema)
            except jsonschema.ValidationError as error:
                problems.append(error.message)
        assert len(problems) < len(SCHEMAS), f"{page}: {problems}\n{text}"


def test_the_makefile_runs_both_steps(tmp_path: Path) -> None:
    """Also where `images` is a folder, which `make` would take for a target that is there."""
    (makefile,) = blocks(DOCS / "how-to/ci.md", "make")
    (tmp_path / "images").mkdir()
    (tmp_path / "Makefile").write_text(makefile)
    write_program(tmp_path / "bin/fip", 'echo "ran $@"')
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environ.pop(name, None)
    done = subprocess.run(
        ["make", "--silent", "deploy"], cwd=tmp_path, env=environ, capture_output=True, check=True
    )
    assert done.stdout.decode() == "ran build-all\nran deploy-all --rollback\n"


def test_the_library(tmp_path: Path) -> None:
    """As it stands, where all images exist: there is nothing to build, and no engine is needed."""
    (script,) = blocks(DOCS / "reference/library.md", "python")
    write_tree(tmp_path / "project", {"pipeline.toml": "", "images/web/Dockerfile": "FROM a\n"})
    with scripted_server(has_everything) as server:
        environ = {**plain_environ(tmp_path), "FLY_REGISTRY_HOST": server.address}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path / "project",
            env={**environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("[]\n", "")
