"""Builders of the driver `docker-container` on the engine of the sandbox."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sandbox import builder_image
from sandbox.buildx import NEWEST, docker_config
from sandbox.folders import folders
from sandbox.go_programs import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "fip-builders"
MIRROR = "FIP_BUILDERS_MIRROR"
"""The variable with the address of the mirror of Docker Hub, empty without one."""

BUILDKITD = """\
[registry."docker.io"]
  mirrors = ["{mirror}"]
[registry."{mirror}"]
  http = true
"""
NO_HISTORY = "[history]\n  maxEntries = 0\n"
"""Each build would write the trace of its whole solve, which takes more time than the build."""


def docker(*words: str) -> str:
    """Run a docker command that must succeed, and return its output."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


@contextmanager
def builder(
    name: str, folder: Path, *options: str, config: str = "", in_memory: bool = False
) -> Iterator[str]:
    """Make a builder with these options of its driver, start it, and remove it at the end.

    Its BuildKit uses the mirror of the sandbox; `config` is more for its `buildkitd.toml`. With
    `in_memory` it keeps its images and cache in memory, and no history, which is much faster.
    buildx keeps the builder in `BUILDX_CONFIG`.
    """
    words = ["--name", name, "--driver", "docker-container"]
    words += [word for option in options for word in ("--driver-opt", option)]
    mirror = os.environ[MIRROR]
    file = folder / f"{name}.toml"
    words += ["--config", str(file)]
    # What a killed run left would be taken as it is.
    docker("rm", "--force", "--volumes", f"buildx_buildkit_{name}0")
    docker("volume", "rm", "--force", f"buildx_buildkit_{name}0_state")
    if in_memory:
        config += NO_HISTORY
        kept = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", f"buildx_buildkit_{name}0_state"]
        docker("volume", "create", *kept)
    file.write_text((BUILDKITD.format(mirror=mirror) if mirror else "") + config)
    docker("buildx", "create", *words, "--bootstrap")
    try:
        yield name
    finally:
        docker("buildx", "rm", "--force", name)


@contextmanager
def pinned_buildkit(folder: Path, *, in_memory: bool = False) -> Iterator[str]:
    """Let docker build with the BuildKit that the sandbox pins; yield `docker buildx inspect`.

    It is set by the environment of this process and of its children. `folder` keeps buildx's state.
    """
    os.environ |= {MIRROR: builder_image.ensure(folders()), "BUILDX_CONFIG": f"{folder}/buildx"}
    with builder(NAME, folder, "network=host", in_memory=in_memory):
        os.environ["BUILDX_BUILDER"] = NAME
        try:
            yield docker("buildx", "version") + docker("buildx", "inspect", NAME)
        finally:
            del os.environ["BUILDX_BUILDER"]


@contextmanager
def newest(folder: Path, *, in_memory: bool = False) -> Iterator[str]:
    """Do as `pinned_buildkit`, with the pinned buildx instead of the sandbox's."""
    before = os.environ.get("DOCKER_CONFIG")
    os.environ["DOCKER_CONFIG"] = str(docker_config(folder, build(NEWEST)))
    try:
        with pinned_buildkit(folder, in_memory=in_memory) as about:
            yield about
    finally:
        del os.environ["DOCKER_CONFIG"]
        os.environ |= {"DOCKER_CONFIG": before} if before else {}
