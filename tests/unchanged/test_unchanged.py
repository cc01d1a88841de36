"""Fingerprints, documents, tasks and schemas are those from before the packages were moved."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.invoker import invoke
from tests.unchanged.projects import EXAMPLES
from tests.unchanged.views import (
    OPTIONS,
    RECORDED,
    ROOT,
    SAMPLES,
    TASKS,
    WITH_DOCUMENTS,
    copy_samples,
    documents_of,
    inputs_of,
    plain_environ,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unchanged.projects import Example


def _recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_graph_and_all_inputs_of_a_project_are_what_they_were(
    tmp_path: Path, example: Example
) -> None:
    """Every field counts, messages too, as other programs may read them."""
    example.write(tmp_path / "project")
    environ = {**plain_environ(tmp_path), **example.environ}
    found = inputs_of(tmp_path / "project", invoke, environ, example.words)
    assert found == _recorded(example.name)


def test_the_graph_and_all_inputs_of_the_samples_are_what_they_were(tmp_path: Path) -> None:
    """The old code records the samples again when their files change."""
    copy_samples(tmp_path / "project")
    found = inputs_of(tmp_path / "project", invoke, plain_environ(tmp_path))
    assert found == _recorded(SAMPLES)


@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if e.name in WITH_DOCUMENTS], ids=lambda e: e.name
)
def test_plans_reports_and_what_exists_are_what_they_were(tmp_path: Path, example: Example) -> None:
    """With a registry that has nothing, and with one that has everything."""
    example.write(tmp_path / "project")
    found = documents_of(tmp_path / "project", invoke, plain_environ(tmp_path))
    assert found == _recorded(f"{example.name}.documents")


def test_each_task_has_the_options_that_it_had() -> None:
    """Names, order, kind and default, and which may be positional."""
    said = subprocess.run(
        [sys.executable, "-c", OPTIONS], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert json.loads(said.stdout) == _recorded(TASKS)


def test_invoke_lists_the_tasks_that_it_listed(tmp_path: Path) -> None:
    """Descriptions may change, names may not."""
    copy_samples(tmp_path / "project")
    words = ["--list", "--list-format", "json"]
    listed = invoke(words, tmp_path / "project", plain_environ(tmp_path))
    assert [task["name"] for task in json.loads(listed.stdout)["tasks"]] == sorted(_recorded(TASKS))


@pytest.mark.parametrize("task", _recorded(TASKS))
def test_the_help_of_each_task_names_the_options_that_it_named(tmp_path: Path, task: str) -> None:
    """Also Invoke's own options."""
    copy_samples(tmp_path / "project")
    helped = invoke(["--help", task], tmp_path / "project", plain_environ(tmp_path))
    shown = {word.partition("=")[0].strip("[],") for word in helped.stdout.split()}
    wanted = {
        f"--{name.replace('_', '-')}" if len(name) > 1 else f"-{name}"
        for names, *_ in _recorded(TASKS)[task]
        for name in names
    }
    assert helped.returncode == 0
    assert wanted - shown == set()


@pytest.mark.parametrize("schema", ["image.schema.json", "pipeline.schema.json"])
def test_the_schemas_of_the_configuration_are_what_they_were(schema: str) -> None:
    """Byte for byte: editors read them."""
    assert (ROOT / "pipeline/schema" / schema).read_bytes() == (RECORDED / schema).read_bytes()
