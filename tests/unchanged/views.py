"""The outside view of a project: each JSON document that needs neither engine nor Fly."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests.support.registry_documents import EMPTY_MANIFEST, EMPTY_MANIFEST_HEADERS
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"
SAMPLES = "samples"
TASKS = "tasks"
WITH_DOCUMENTS = ("one-repository-for-all", "options-and-salt", "several-apps", "two-levels")
"""The projects that query a registry; their records are in `NAME.documents.json`."""

_OURS = ("BUILDX_", "CI", "DOCKER_CONFIG", "FLY_", "NO_COLOR", "PIPELINE_")
"""Prefixes of environment variables that change the output."""

OPTIONS = """
import json
from invoke.collection import Collection
from pipeline.tasks import ns
print(json.dumps({
    name: [
        [list(one.names), one.kind.__name__, bool(one.positional), bool(one.optional), one.default]
        for one in ns[name].get_arguments()
    ]
    for name in ns.task_names
}))
"""
"""A program that prints the options of every task in order: names, kind, default."""


class Run(Protocol):
    """A function that runs `invoke` with arguments, in a folder, with an environment."""

    def __call__(  # noqa: D102 - the class says it
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], /
    ) -> subprocess.CompletedProcess[str]: ...


def plain_environ(home: Path) -> dict[str, str]:
    """Return the environment with another home and without variables that change the output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "HOME": str(home)}


def copy_samples(root: Path) -> None:
    """Copy the sample project of this repository to `root`, which is created."""
    root.mkdir()
    for name in ("pipeline.toml", "tasks.py"):
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "images", root / "images")


def inputs_of(
    root: Path, run: Run, environ: Mapping[str, str], words: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the graph of a project and the inputs of its images, as JSON.

    For a command that fails, return how it ends.
    """

    def said(*command: str) -> Any:
        ended = run([*command, *words], root, environ)
        return ended.returncode or json.loads(ended.stdout)

    graph = said("graph", "--format", "json")
    names = [image["name"] for image in graph["images"]]
    return {"graph": graph, "inputs": {name: said("inputs", name, "--json") for name in names}}


def documents_of(root: Path, run: Run, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return plan, report, status and `exists`, for an empty registry and for a full one.

    Each is the exit code and the document, without what differs from run to run, and without
    messages, whose words may change.
    """

    def said(host: str, *command: str) -> Any:
        ended = run(command, root, {**environ, "FLY_REGISTRY_HOST": host})
        return [ended.returncode, _steady(json.loads(ended.stdout.replace(host, "registry.test")))]

    found: dict[str, Any] = {}
    for name, script in (("nothing", has_nothing), ("everything", has_everything)):
        with scripted_server(script) as server:
            planned = said(server.address, "--dry", "build-all", "--json")
            found[name] = {"plan": planned}
            for image in [row["name"] for row in planned[1]["images"]]:
                exists = said(server.address, "exists", image, "--json")
                found[name].setdefault("exists", {})[image] = exists
            found[name]["status"] = said(server.address, "status", "--json")
            if name == "everything":
                found[name]["report"] = said(server.address, "build-all", "--json")
    return found


_ABSENT = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'


def has_nothing(request: Request) -> Reply:
    """Answer as a registry that has no image."""
    if "/manifests/" not in request.path:
        return Reply(200)
    return Reply(404, {"Content-Type": "application/json"}, _ABSENT)


def has_everything(request: Request) -> Reply:
    """Answer as a registry that has every image."""
    return (
        Reply(200, EMPTY_MANIFEST_HEADERS, EMPTY_MANIFEST)
        if "/manifests/" in request.path
        else Reply(200)
    )


def _steady(document: Any) -> Any:
    """Return a document without times, request counts and messages: only their types remain."""
    if isinstance(document, list):
        return [_steady(item) for item in document]
    if not isinstance(document, dict):
        return document
    return {
        key: type(value).__name__ if key in _UNSTEADY else _steady(value)
        for key, value in document.items()
    }


_UNSTEADY = frozenset({"hint", "reason", "requests", "seconds", "trouble"})


def as_text(view: Any) -> str:
    """Return JSON as in the files, one value a line, so that a diff is readable."""
    return json.dumps(view, indent=1, ensure_ascii=False) + "\n"
