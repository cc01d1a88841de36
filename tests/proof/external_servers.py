"""Servers for external inputs of Dockerfiles: an image, a file by HTTP, a Git repository."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox.registry import free_port, serve
from tests.proof.cases import AB, Case
from tests.support.served_folder import serve_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWER = frozenset({"add of git with a checksum", "add of git with a query"})
"""What needs a newer BuildKit than 0.12."""


@contextmanager
def outside_cases(folder: Path) -> Iterator[tuple[Case, ...]]:
    """Yield the cases that need servers, which run during the block."""
    with (
        serve(folder / "registry") as registry,
        serve_folder(folder / "web") as (served, address),
        serve_repository(folder / "git") as repository,
    ):
        (served / "tool").write_text("a tool")
        yield (
            _locked(f"{registry.address}/outside:1", folder),
            _triggered(f"{registry.address}/triggered:1", folder),
            Case("add of a url", f"FROM scratch\nADD {address}/tool /\nCOPY a.txt /\n", AB),
            *_of_git(repository),
        )


def _of_git(repository: str) -> tuple[Case, ...]:
    """Return the ways to add a repository, given by its address with a commit."""
    address, _, commit = repository.partition("#")
    texts = {
        "add of git": repository,
        "add of git with its folder": f"--keep-git-dir=true {repository}",
        "add of git with a checksum": f"--checksum={commit} {address}#main",
        "add of git with a query": f"{address}?branch=main&checksum={commit}",
    }
    return tuple(
        Case(name, f"FROM scratch\nADD {text} /\nCOPY a.txt /\n", AB, newer=name in NEWER)
        for name, text in texts.items()
    )


def _locked(reference: str, folder: Path) -> Case:
    """Return a case that locks the current version of a tag, and then the previous one."""
    first = _push(reference, folder / "outside", "first")
    second = _push(reference, folder / "outside", "second")
    lock = f'[[external]]\nreference = "{reference}"\ndigest = "{second}"\n# before: {first}\n'
    text = f"FROM {reference}\nCOPY a.txt /\n"
    return Case("locked external", text, {**AB, "/pipeline.lock": lock})


def _triggered(reference: str, folder: Path) -> Case:
    """Return a case whose external copies from the context by triggers in the lock."""
    triggers = ["ARG WHAT=b.txt", "COPY $WHAT /t/"]
    below = "".join(f"ONBUILD {trigger}\n" for trigger in triggers)
    first = _push(reference, folder / "triggered", "first", below)
    second = _push(reference, folder / "triggered", "second", below)
    entry = f'[[external]]\nreference = "{reference}"\ndigest = "{second}"\n# before: {first}\n'
    lock = f'{entry}triggers = {{ "linux/amd64" = {json.dumps(triggers)} }}\n'
    text = f"FROM {reference}\nCOPY a.txt /\n"
    return Case(
        "locked external with triggers", text, {**AB, "c.txt": "c{n}", "/pipeline.lock": lock}
    )


def _push(reference: str, folder: Path, content: str, below: str = "") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY content /\n{below}")
    (folder / "content").write_text(content)
    written = folder / "metadata.json"
    build = ["docker", "buildx", "build", "--provenance=false", "--push", "-t", reference]
    command = [*build, "--metadata-file", str(written), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    digest: str = json.loads(written.read_bytes())["containerimage.digest"]
    return digest


@contextmanager
def serve_repository(folder: Path) -> Iterator[str]:
    """Serve a repository with one commit by `git daemon`; yield its address with the commit."""
    work = folder / "lib"
    work.mkdir(parents=True)
    (work / "lib.txt").write_text("a library")
    who = ["-c", "user.name=proof", "-c", "user.email=proof@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=work, check=True)
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=work, check=True, capture_output=True)
    port = free_port()
    daemon = ["git", "daemon", f"--base-path={folder}", "--export-all", "--listen=127.0.0.1"]
    address = f"git://127.0.0.1:{port}/lib/.git"
    with subprocess.Popen([*daemon, f"--port={port}"], stderr=subprocess.DEVNULL) as process:
        try:
            _wait(address)
            yield f"{address}#{said.stdout.decode().strip()}"
        finally:
            process.terminate()


def _wait(address: str) -> None:
    for _ in range(100):
        asked = subprocess.run(["git", "ls-remote", address], capture_output=True, check=False)
        if not asked.returncode:
            return
        time.sleep(0.1)
    raise AssertionError(f"nobody answers at {address}")
