"""What a project looks like from outside: each JSON document that needs neither engine nor Fly."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"
SAMPLES = "samples"
TASKS = "tasks"

_OURS = ("BUILDX_", "CI", "DOCKER_CONFIG", "FLY_", "NO_COLOR", "PIPELINE_")
"""Of the environment, how the names begin that change what is said."""

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
"""A program that prints the options of every task, in their order: names, kind, default."""


class Run(Protocol):
    """Run `invoke` with these words, in a folder, with an environment."""

    def __call__(  # noqa: D102 - the class says it
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], /
    ) -> subprocess.CompletedProcess[str]: ...


def plain_environ(home: Path) -> dict[str, str]:
    """Of this process's environment what does not change what is said; with another home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "HOME": str(home)}


def copy_samples(root: Path) -> None:
    """Copy the files of this repository's own project to `root`, which is made."""
    root.mkdir()
    for name in ("pipeline.toml", "tasks.py"):
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "images", root / "images")


def inputs_of(
    root: Path, run: Run, environ: Mapping[str, str], words: Sequence[str] = ()
) -> dict[str, Any]:
    """The graph of the project in `root` and the inputs of each of its images, as JSON says them.

    What a command prints counts if it ends with 0, and else how it ends.
    """

    def said(*command: str) -> Any:
        ended = run([*command, *words], root, environ)
        return ended.returncode or json.loads(ended.stdout)

    graph = said("graph", "--format", "json")
    names = [image["name"] for image in graph["images"]]
    return {"graph": graph, "inputs": {name: said("inputs", name, "--json") for name in names}}


def as_text(view: Any) -> str:
    """JSON as a file has it, one value a line: a difference shows what differs."""
    return json.dumps(view, indent=1, ensure_ascii=False) + "\n"
