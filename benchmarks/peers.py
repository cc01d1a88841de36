"""Measure builds against other tools that build several images.

    make bench-peers                                  # bake, and one build per image
    COMPOSE=/path/to/docker-compose make bench-peers  # also Docker Compose
    SKAFFOLD=/path/to/skaffold make bench-peers       # also Skaffold
    BUILDX=newest make bench-peers                    # all with the newest buildx; needs Go

Each tool builds the same images (24, then 100: a base and five apps each) with the same engine and
pushes them to the same registry. The files of each tool have contents of their own, so that no tool
finds the steps of another in BuildKit's cache. A round has five cases, in this order: all images
changed (cold), nothing changed, nothing changed and an empty home directory, one app changed, one
base changed. In each case the tools run in a random order. Shown are medians in seconds, and how
many times as long as ours each took. A tool that fails is shown as `failed`, its last line on
stderr.

All tools use the same buildx: docker's own, or that of BUILDX, `newest` or the path of one. The
versions of all programs come first.

An empty home directory is what a fresh CI machine has that shares a builder: no state of the tool.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import json
import math
import os
import random
import sys
import tempfile
from abc import ABC, abstractmethod
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.programs import choose_buildx, docker, environ_at, output, run, seconds
from sandbox.registry import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SIZES = tuple(int(size) for size in os.environ.get("SIZES", "24,100").split(","))
GROUP = 6
"""Images of a group: a base, and the apps that are built on it."""
EXTERNAL = "debian:bookworm-slim"
"""What all bases are built from, by its name in the registry that the tools push to.

Skaffold asks the registry of an external itself, and knows no mirror of Docker Hub.
"""
CASES = ("cold", "nothing", "nothing, empty home", "one app", "one base")


class Tool(ABC):
    """A tool with a project of its own in `root`: a folder for each image, and its own files."""

    name: str

    def __init__(self, root: Path, registry: str, size: int) -> None:
        self.root = root
        self.registry = f"{registry}/{type(self).__name__.lower()}"
        self.external = f"{registry}/{EXTERNAL}"
        self.size = size
        for number in range(size):
            folder = self.folder(number)
            (folder / "src").mkdir(parents=True)
            lines = f"FROM {self.source(number)}\nCOPY src /srv/{image(number)}/\nRUN true\n"
            (folder / "Dockerfile").write_text(lines)
        self.configure()

    def folder(self, number: int) -> Path:
        """Return the folder of an image."""
        return self.root / "images" / image(number)

    def source(self, number: int) -> str:
        """Return what the Dockerfile of an image names in its FROM."""
        return self.external if base_of(number) == number else image(base_of(number))

    def change(self, number: int, text: str) -> None:
        """Change the only file of an image."""
        (self.folder(number) / "src/file").write_text(f"{self.name} {number} {text}\n")

    def run(self, home: Path) -> float:
        """Build and push all images; return the seconds that it took."""
        own = {"BUILDX_CONFIG": str(home / "buildx"), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        environ = environ_at(home, **own)

        def work() -> None:
            for words in self.commands():
                run(*words, folder=self.root, environ=environ)

        return seconds(work)

    def push_name(self, number: int) -> str:
        """Return the reference that an image is pushed under."""
        return f"{self.registry}/{image(number)}:latest"

    @abstractmethod
    def configure(self) -> None:
        """Write the files of the tool."""

    @abstractmethod
    def commands(self) -> Iterator[Sequence[str]]:
        """Yield the commands that build and push all images."""


class Ours(Tool):
    """The tasks of this repository."""

    name = "invoke build-all"

    def configure(self) -> None:
        """Write pipeline.toml and tasks.py."""
        host, _, path = self.registry.partition("/")
        settings = f'[registry]\nhost = "{host}"\nrepository = "{path}/{{name}}"\n'
        (self.root / "pipeline.toml").write_text(settings)
        (self.root / "tasks.py").write_text("from pipeline.tasks import ns\n")

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield one command."""
        yield str(Path(sys.executable).parent / "invoke"), "build-all"


class Bake(Tool):
    """One solve of all images by buildx."""

    name = "docker buildx bake"

    def configure(self) -> None:
        """Write docker-bake.json, with bases as targets of the same solve."""
        targets = {image(n): self._target(n) for n in range(self.size)}
        text = json.dumps({"group": {"default": {"targets": [*targets]}}, "target": targets})
        (self.root / "docker-bake.json").write_text(text)

    def _target(self, number: int) -> dict[str, object]:
        base = image(base_of(number))
        contexts = {} if base == image(number) else {base: f"target:{base}"}
        folder = f"images/{image(number)}"
        return {"context": folder, "contexts": contexts, "tags": [self.push_name(number)]}

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield one command."""
        yield docker(), "buildx", "bake", "--push"


class BakeInParts(Bake):
    """A solve for every thirty images, as a script would do it where one of all is given up.

    BuildKit gives up a session that does not come within 5 s (`session/group.go`), and a job within
    6 (`solver/jobs.go`). Of 100 targets at once on two cores, some do not (docker/buildx#3810).
    """

    name = "docker buildx bake, 30 at a time"

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield a command for every five bases and their apps."""
        for first in range(0, self.size, 5 * GROUP):
            part = range(first, min(first + 5 * GROUP, self.size))
            yield docker(), "buildx", "bake", "--push", *map(image, part)


class OneByOne(Tool):
    """One build and push per image, bases first, as in a shell script."""

    name = "docker buildx build, one by one"

    def source(self, number: int) -> str:
        """Return the base by its pushed name."""
        base = base_of(number)
        return self.external if base == number else self.push_name(base)

    def configure(self) -> None:
        """Write nothing: the Dockerfiles name the bases by their references."""

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield a command for each image."""
        for number in range(self.size):
            tag = f"--tag={self.push_name(number)}"
            build = docker(), "buildx", "build", "--push", "--pull"
            yield *build, tag, f"images/{image(number)}"


class Compose(Tool):
    """Docker Compose, with bases as additional contexts."""

    name = "docker compose build --push"

    def configure(self) -> None:
        """Write compose.json."""
        services = {image(n): self._service(n) for n in range(self.size)}
        (self.root / "compose.json").write_text(json.dumps({"services": services}))

    def _service(self, number: int) -> dict[str, object]:
        base = image(base_of(number))
        build: dict[str, object] = {"context": f"images/{image(number)}"}
        if base != image(number):
            build["additional_contexts"] = {base: f"service:{base}"}
        return {"image": self.push_name(number), "build": build}

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield one command."""
        yield os.environ["COMPOSE"], "--file", "compose.json", "build", "--push", "--quiet"


class Skaffold(Tool):
    """Skaffold 2, with bases as required artifacts and its cache file in the home directory.

    It tags with `latest`, as the others do: `sha256` is its policy without a tag of its own.
    """

    name = "skaffold build"

    def source(self, number: int) -> str:
        """Return the base by the build argument that Skaffold sets."""
        return self.external if base_of(number) == number else "$BASE"

    def configure(self) -> None:
        """Write skaffold.yaml, and declare the argument in the Dockerfiles of apps."""
        artifacts = []
        for number in range(self.size):
            artifact: dict[str, object] = {
                "image": self.push_name(number).removesuffix(":latest"),
                "context": f"images/{image(number)}",
            }
            base = base_of(number)
            if base != number:
                required = self.push_name(base).removesuffix(":latest")
                artifact["requires"] = [{"image": required, "alias": "BASE"}]
                file = self.folder(number) / "Dockerfile"
                file.write_text(f"ARG BASE\n{file.read_text()}")
            artifacts.append(artifact)
        local = {"push": True, "concurrency": 0, "useBuildkit": True}
        build = {"artifacts": artifacts, "local": local, "tagPolicy": {"sha256": {}}}
        config = {"apiVersion": "skaffold/v4beta11", "kind": "Config", "build": build}
        (self.root / "skaffold.yaml").write_text(json.dumps(config))

    def commands(self) -> Iterator[Sequence[str]]:
        """Yield one command."""
        host = self.registry.partition("/")[0]
        yield os.environ["SKAFFOLD"], "build", "--quiet", f"--insecure-registry={host}"


def main() -> None:
    """Measure all tools for each number of images."""
    tools: list[type[Tool]] = [Ours, Bake, OneByOne]
    tools += [Compose] if "COMPOSE" in os.environ else []
    tools += [Skaffold] if "SKAFFOLD" in os.environ else []
    with tempfile.TemporaryDirectory(prefix="benchmark-buildx-") as text:
        choose_buildx(Path(text))
        _show_versions()
        _measure_sizes(tools)


def _show_versions() -> None:
    print(output(docker(), "buildx", "version"))
    print("engine", output(docker(), "version", "--format", "{{.Server.Version}}"))
    for name in ("COMPOSE", "SKAFFOLD"):
        if program := os.environ.get(name):
            print(Path(program).name, output(program, "version"))
    print(flush=True)


def _measure_sizes(tools: Sequence[type[Tool]]) -> None:
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as text:
            folder = Path(text)
            with serve(folder / "registry") as server:
                run(docker(), "pull", EXTERNAL)
                run(docker(), "tag", EXTERNAL, f"{server.address}/{EXTERNAL}")
                run(docker(), "push", f"{server.address}/{EXTERNAL}")
                more: list[type[Tool]] = [BakeInParts] if size > 5 * GROUP else []
                chosen = [*tools, *more]
                made = [t(folder / t.__name__, server.address, size) for t in chosen]
                _show(size, _measure(made, folder / "homes"))


def image(number: int) -> str:
    """Return the name of an image.

    >>> image(6), image(7)
    ('base-006', 'app-007')
    """
    return f"{'app' if number % GROUP else 'base'}-{number:03}"


def base_of(number: int) -> int:
    """Return the number of the base of an image; a base is its own."""
    return number - number % GROUP


def _measure(tools: Sequence[Tool], homes: Path) -> Mapping[tuple[str, str], list[float]]:
    """Return the seconds of each case and tool."""
    took: dict[tuple[str, str], list[float]] = defaultdict(list)
    for round_number in range(ROUNDS):
        for case in CASES:
            for tool in random.sample(tools, len(tools)):
                _prepare(tool, case, f"{os.getpid()} round {round_number} {case}")
                home = homes / type(tool).__name__
                if case == "nothing, empty home":
                    home = homes / f"{round_number}-{type(tool).__name__}"
                home.mkdir(parents=True, exist_ok=True)
                took[case, tool.name].append(_run(tool, home))
    return took


def _run(tool: Tool, home: Path) -> float:
    """Return the seconds of a run; infinite if it failed. Ours must not fail."""
    try:
        return tool.run(home)
    except SystemExit as error:
        if isinstance(tool, Ours):
            raise
        last = str(error).rstrip().rpartition("\n")[2]
        print(f"{tool.name} failed: {last}", file=sys.stderr, flush=True)
        return math.inf


def _prepare(tool: Tool, case: str, text: str) -> None:
    """Change the files that a case is about: the first base, the second image, or all."""
    changed = {"cold": range(tool.size), "one app": (1,), "one base": (0,)}.get(case, ())
    for number in changed:
        tool.change(number, text)


def _show(size: int, took: Mapping[tuple[str, str], list[float]]) -> None:
    names = list(dict.fromkeys(name for _, name in took))
    names.sort(key=lambda name: name != Ours.name)
    width = max(map(len, names)) + 2
    print(f"{size} images, medians of {ROUNDS} rounds: seconds, and times as long as ours")
    print(" " * width + "".join(f"{case:>22}" for case in CASES))
    for name in names:
        cells = []
        for case in CASES:
            ours = median(took[case, Ours.name])
            theirs = median(took[case, name])
            shown = f"{theirs:.2f} s {theirs / ours:>6.2f}"
            cells.append("failed" if math.isinf(theirs) else shown)
        print(f"{name:{width}}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
    whole = median(took["cold", Bake.name])
    for case in ("one app", "one base") if math.isfinite(whole) else ():
        share = median(took[case, Ours.name]) / whole
        print(f"{case}: ours takes {share:.2f} of one cold bake of all {size}")
    print()


if __name__ == "__main__":
    main()
