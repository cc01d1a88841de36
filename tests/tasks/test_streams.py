"""Results are on stdout, all else is on stderr; with `--json`, an error is a document, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.project import Project
from tests.support.registry_documents import EMPTY_MANIFEST, EMPTY_MANIFEST_HEADERS
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.support.scripted_server import Request

JSON_WORDS = (
    ("plan", "--json"),
    ("graph", "--format", "json"),
    ("inputs", "web", "--json"),
    ("build-all", "--json"),
    ("deploy-all", "--json"),
    ("status", "--json"),
    ("promote", "web", ":stable", "--json"),
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Make an image that exists."""
    project = Project(tmp_path, tmp_path / "none.log")
    project.write("tasks.py", "from pipeline.tasks import ns\n")
    project.image("web", "FROM scratch\nCOPY own.txt /\n", own_txt="own")
    with scripted_server(has_everything) as server:
        project.write("pipeline.toml", f'[registry]\nhost = "{server.address}"\n')
        yield project


def has_everything(request: Request) -> Reply:
    """Have every image."""
    if "/manifests/" in request.path:
        return Reply(200, EMPTY_MANIFEST_HEADERS, EMPTY_MANIFEST)
    return Reply(200)


def test_the_table_of_a_run_is_on_stdout(project: Project) -> None:
    """With `--json` the document is there instead, and people still see the table."""
    ran, document = project.invoke("build-all"), project.invoke("build-all", "--json")

    assert ran.out.splitlines()[0].split()[:2] == ["IMAGE", "STATUS"]
    assert "built 0, exists 1, failed 0" in ran.out
    assert "0 to build, 1 exists" in ran.err
    assert "built 0" not in ran.err
    assert document.statuses() == {"web": "exists"}
    assert "built 0, exists 1, failed 0" in document.err


def problems(project: Project, *words: str, code: int) -> list[dict[str, Any]]:
    """Run a task that fails; return the problems of its document."""
    ran = project.invoke(*words)
    assert ran.code == code, ran.err
    assert "error: " in ran.err
    assert ran.json["schema"] == "pipeline.error/1"
    found: list[dict[str, Any]] = ran.json["problems"]
    assert all(set(one) == {"file", "line", "column", "message", "hint"} for one in found)
    return found


@pytest.mark.parametrize("words", JSON_WORDS, ids=" ".join)
def test_mistakes_as_json(project: Project, words: tuple[str, ...]) -> None:
    """All of them, each with its place; the exit code and stderr are as without `--json`."""
    project.write("pipeline.toml", '[registry]\nhots = "registry.fly.io"\ninsecure = 1\n')

    one, two = sorted(problems(project, *words, code=2), key=lambda found: int(found["line"]))

    assert (one["file"], one["line"], one["column"]) == ("pipeline.toml", 2, 1)
    assert (one["message"], one["hint"]) == (
        "`hots` is not a key of `[registry]`",
        "did you mean `host`?",
    )
    assert (two["line"], two["hint"]) == (3, None)


def test_other_errors_as_json(project: Project) -> None:
    """A wrong name has no place; nor has a registry that does not answer."""
    (name,) = problems(project, "build", "wbe", "--json", code=2)
    project.write("pipeline.toml", '[registry]\nhost = "127.0.0.1:9"\n')
    (unknown,) = problems(project, "build-all", "--json", code=4)

    assert (name["file"], name["line"], name["hint"]) == (None, None, "did you mean `web`?")
    assert "connection refused" in unknown["message"]


def test_errors_without_json(project: Project) -> None:
    """Nothing is on stdout."""
    assert project.invoke("build", "wbe").out == ""
