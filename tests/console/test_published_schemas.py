"""What the tasks really print is as the published schemas say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import pipeline
from pipeline.tasks import ns
from tests.console import schemas
from tests.support.invoker import invoke
from tests.support.scripted_server import scripted_server
from tests.support.small_projects import write_tree
from tests.support.task_options import arguments_of
from tests.unchanged.views import has_nothing, plain_environ

PACKAGE = Path(pipeline.__file__).parent
DOCUMENTS = {
    "apps": "apps",
    "build": "report",
    "build-all": "report",
    "deploy": "report",
    "deploy-all": "report",
    "doctor": "doctor",
    "exists": "exists",
    "graph": "graph",
    "impact": "impact",
    "init": "init",
    "inputs": "inputs",
    "keep": "keep",
    "lock": "lock",
    "plan": "plan",
    "promote": "promote",
    "releases": "releases",
    "rollback": "rollback",
    "status": "status",
    "why": "why",
}
"""What each task prints with `--json`; of an error, each prints a `pipeline.error/1`."""
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
    schemas.validate(json.loads(ended.stdout))


@pytest.mark.parametrize("options", [["--check"], []], ids=" ".join)
def test_init_prints_a_document(tmp_path: Path, options: list[str]) -> None:
    """With the texts of the files, which are written unless `--check`."""
    files = {"tasks.py": FILES["tasks.py"], "web/Dockerfile": "FROM scratch\n", "web/fly.toml": ""}
    write_tree(tmp_path / "project", {**files, "lib/Dockerfile": "FROM $NO\n"})
    ended = invoke(["init", "--json", *options], tmp_path / "project", plain_environ(tmp_path))
    document = json.loads(ended.stdout)
    schemas.validate(document)

    assert ended.returncode == (5 if options else 0), ended.stderr
    assert [image["name"] for image in document["images"]] == ["web"]
    assert "left out" in {question["chosen"] for question in document["questions"]}
    assert document["written"] is not bool(options)
    for file in document["files"]:
        path = tmp_path / "project" / file["path"]
        assert bool(options) or path.read_text() == file["text"]


def test_every_document_has_a_schema() -> None:
    """Each that the code names, and each task with `--json` has one."""
    code = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    with_json = {
        name for name in ns.task_names for one in arguments_of(name) if "json" in one.names
    }

    assert set(re.findall(r'"pipeline\.(\w+)/1"', code)) == set(schemas.PUBLISHED)
    assert with_json | {"graph"} == set(DOCUMENTS)
    assert {"error", "record", *DOCUMENTS.values()} == set(schemas.PUBLISHED)
