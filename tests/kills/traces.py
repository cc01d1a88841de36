"""Find what a run left: processes, folders, containers, and files with its token."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.buildkit.image_test import TEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

_PATIENCE = 3.0
"""Seconds that a terminated process may take."""


def leftovers(folder: Path, token: str, engine: DockerClient, images: str) -> Iterator[str]:
    """Yield everything that is left of runs in `folder`: home, temporary folder and project.

    `images` is the prefix of their images' references.
    """
    end = time.monotonic() + _PATIENCE
    while (left := processes(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    yield from (f"a process is left: {command}" for command in left)
    yield from (f"left in TMPDIR: {path.name}" for path in (folder / "private").iterdir())
    yield from (f"the token is in {path}" for path in _holding(folder, token))
    yield from (f"a container is left: {name}" for name in _containers(engine, images))


def processes(folder: Path) -> list[str]:
    """Return the command lines of processes that work in `folder` or have it as an argument."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # A process may end while we look.
        with suppress(OSError):
            here = (entry / "cwd").resolve(strict=True).is_relative_to(folder.resolve())
            told = f"HOME={folder}/".encode() in (entry / "environ").read_bytes()
            if here or told:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def _holding(folder: Path, token: str) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and token.encode() in path.read_bytes():
            yield path.relative_to(folder)


def _containers(engine: DockerClient, images: str) -> Iterator[str]:
    found = engine.containers.list(all=True, filters={"label": TEST}, ignore_removed=True)
    for container in found:
        if container.attrs["Config"]["Image"].startswith(images):
            yield str(container.name)
