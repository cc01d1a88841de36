"""What the tasks really print is as the published schemas say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.console import schemas
from tests.support.invoker import invoke
from tests.support.scripted_server import scripted_server
from tests.support.small_projects import write_tree
from tests.unchanged.views import has_nothing, plain_environ

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "tasks.py": "from pipeline.tasks import ns\n",
    "pipeline.toml": "",
    "images/base/Dockerfile": "FROM debian:bookworm-slim\n",
    "images/web/Dockerfile": "FROM base\nARG A=1\nCOPY . .\n",
}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan"], 0),
        (["--dry", "build-all"], 0),
        (["graph", "--format", "json"], 0),
        (["inputs", "web"], 0),
        (["exists", "web"], 1),
        (["status"], 0),
        (["impact", "--base", "base"], 0),
        (["lock", "--check", "--update", "nosuch"], 2),
        (["inputs", "wbe"], 2),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_output_is_as_its_schema_says(tmp_path: Path, words: list[str], code: int) -> None:
    """The document names its schema; a mistake is a document, too."""
    write_tree(tmp_path / "project", dict(FILES))
    json_option = [] if "--format" in words else ["--json"]
    with scripted_server(has_nothing) as server:
        environ = {**plain_environ(tmp_path), "FLY_REGISTRY_HOST": server.address}
        ended = invoke([*words, *json_option], tmp_path / "project", environ)
    assert ended.returncode == code, ended.stderr
    document = json.loads(ended.stdout)
    name = document["schema"].removeprefix("pipeline.").removesuffix("/1")
    file = schemas.FOLDER / f"{name}-1.schema.json"
    jsonschema.validate(document, json.loads(file.read_text(encoding="utf-8")))
