"""Measure copying an image of 500 MB to other repositories and to another registry.

Compared with `docker pull`, `tag`, `push`, and `crane copy`. Measured are the copy by the library,
and the command `invoke promote`, which also starts Python and Invoke. Five layers of random bytes;
two registry servers; a project with settings; the best of three for all but docker.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.images import push_image, random_layer
from benchmarks.programs import crane, docker, run, seconds
from pipeline.reference import parse_reference
from pipeline.registry.client import Registry
from pipeline.runner.promote import promote
from sandbox.registry import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS, SIZE, ROUNDS, MANY = 5, 100_000_000, 3, 30
_numbers = count()


def main() -> None:
    """Copy within a registry to one repository and to many, and to another registry."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        serve(Path(folder) / "one") as one,
        serve(Path(folder) / "two") as two,
    ):
        project = _project(Path(folder) / "project", one.address)
        source = f"{one.address}/acme/web:1"
        layers = [random_layer(f"file{number}", SIZE) for number in range(LAYERS)]
        push_image(f"{one.address}/acme/web", ["1"], layers)
        del layers
        print(f"{LAYERS * SIZE / 1e6:.0f} MB")
        _compare("another repository", project, source, one.address)
        _compare(f"{MANY} other repositories", project, source, one.address, places=MANY)
        _compare("another registry", project, source, two.address)


def _project(folder: Path, address: str) -> Path:
    (folder / "images/web").mkdir(parents=True)
    (folder / "images/web/Dockerfile").write_text("FROM scratch\n")
    (folder / "pipeline.toml").write_text(f'[registry]\nhost = "{address}"\n')
    (folder / "tasks.py").write_text("from pipeline.tasks import ns\n")
    return folder


def _compare(where: str, project: Path, source: str, address: str, *, places: int = 1) -> None:
    def new() -> list[str]:
        return [f"{address}/prod{next(_numbers)}/web:1" for _ in range(places)]

    ours = min(seconds(lambda: _by_invoke(project, source, new())) for _ in range(ROUNDS))
    alone = min(seconds(lambda: _by_library(source, new())) for _ in range(ROUNDS))
    cranes = min(seconds(lambda: _by_crane(source, new())) for _ in range(ROUNDS))
    dockers = seconds(lambda: _by_docker(source, new()))
    print(f"to {where}:")
    print(f"  ours: the copy {alone:.2f} s, the whole command {ours:.2f} s")
    for peer, took in (("crane copy", cranes), ("docker pull, tag, push", dockers)):
        print(f"  {peer} {took:.2f} s: ", end="")
        print(f"{took / alone:.3g} times the copy, {took / ours:.2g} times the command", flush=True)


def _by_invoke(folder: Path, source: str, destinations: Sequence[str]) -> None:
    words = (sys.executable, "-m", "invoke", "promote", source, ",".join(destinations))
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed:\n{done.stderr}")


def _by_library(source: str, destinations: Sequence[str]) -> None:
    places = [parse_reference(word) for word in destinations]
    with Registry() as registry:
        done = promote(registry, parse_reference(source), places, lambda _: None)
    assert all(one.news for one in done)  # noqa: S101 - a benchmark of nothing proves nothing


def _by_crane(source: str, destinations: Sequence[str]) -> None:
    for destination in destinations:
        run(crane(), "copy", "--insecure", source, destination)


def _by_docker(source: str, destinations: Sequence[str]) -> None:
    try:
        run(docker(), "pull", "--quiet", source)
        for destination in destinations:
            run(docker(), "tag", source, destination)
            run(docker(), "push", "--quiet", destination)
    finally:
        for name in (source, *destinations):
            subprocess.run([docker(), "rmi", name], capture_output=True, check=False)


if __name__ == "__main__":
    main()
