"""How long it takes to bring an image of 500 MB to another repository, and to another registry.

Peers are `docker pull`, `tag`, `push`, and `crane copy`, as whole commands, as `invoke promote` is;
ours is also timed without Python's start, which is the same however large the image. Five layers of
random bytes; one registry server for each of the two registries; best of three for what is short.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from benchmarks.images import push_image, random_layer
from benchmarks.peers import crane, docker, run, seconds
from pipeline.core.reference import parse_reference
from pipeline.edge.registry import Registry, copy
from sandbox.registry import serve

LAYERS, SIZE, ROUNDS = 5, 100_000_000, 3
_numbers = count()


def main() -> None:
    """Within a registry, and from one to another."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        serve(Path(folder) / "one") as one,
        serve(Path(folder) / "two") as two,
    ):
        project = Path(folder) / "project"
        (project / "images/web").mkdir(parents=True)
        (project / "images/web/Dockerfile").write_text("FROM scratch\n")
        (project / "tasks.py").write_text("from pipeline.tasks import ns\n")
        source = f"{one.address}/acme/web:1"
        layers = [random_layer(f"file{number}", SIZE) for number in range(LAYERS)]
        push_image(f"{one.address}/acme/web", ["1"], layers)
        del layers
        _compare("another repository", project, source, one.address)
        _compare("another registry", project, source, two.address, rounds=1)


def _compare(where: str, project: Path, source: str, address: str, *, rounds: int = ROUNDS) -> None:
    def new() -> str:
        return f"{address}/prod{next(_numbers)}/web:1"

    command = (sys.executable, "-m", "invoke", "promote", source)
    ours = min(seconds(lambda: _in(project, *command, new())) for _ in range(rounds))
    alone = min(seconds(lambda: _copy(source, new())) for _ in range(rounds))
    cranes = min(
        seconds(lambda: run(crane(), "copy", "--insecure", source, new())) for _ in range(rounds)
    )
    dockers = seconds(lambda: _by_docker(source, new()))
    print(f"{LAYERS * SIZE / 1e6:.0f} MB to {where}:")
    print(f"  invoke promote {ours:.2f} s, {alone:.2f} s of them the copy")
    print(f"  crane copy {cranes:.2f} s: {cranes / alone:.2f} times the copy, ", end="")
    print(f"{cranes / ours:.2f} times the command")
    print(f"  docker pull, tag, push {dockers:.2f} s: {dockers / alone:.0f} times, ", end="")
    print(f"{dockers / ours:.0f} times the command", flush=True)


def _in(folder: Path, *words: str) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed:\n{done.stderr}")


def _copy(source: str, destination: str) -> None:
    with Registry() as registry:
        _, news = copy(registry, parse_reference(source), parse_reference(destination))
    assert news  # noqa: S101 - a benchmark of nothing proves nothing


def _by_docker(source: str, destination: str) -> None:
    try:
        run(docker(), "pull", "--quiet", source)
        run(docker(), "tag", source, destination)
        run(docker(), "push", "--quiet", destination)
    finally:
        for name in (source, destination):
            subprocess.run([docker(), "rmi", name], capture_output=True, check=False)


if __name__ == "__main__":
    main()
