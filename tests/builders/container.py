"""Builders of the driver `docker-container` on the engine of the sandbox."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

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


def docker(*words: str) -> str:
    """Run a docker command that must succeed, and return its output."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


@contextmanager
def builder(name: str, folder: Path, *options: str) -> Iterator[str]:
    """Make a builder with these options of its driver, start it, and remove it at the end.

    Its BuildKit uses the mirror of the sandbox. buildx keeps it in `BUILDX_CONFIG`.
    """
    words = ["--name", name, "--driver", "docker-container"]
    words += [word for option in options for word in ("--driver-opt", option)]
    if mirror := os.environ[MIRROR]:
        file = folder / f"{name}.toml"
        file.write_text(BUILDKITD.format(mirror=mirror))
        words += ["--config", str(file)]
    docker("buildx", "create", *words, "--bootstrap")
    try:
        yield name
    finally:
        docker("buildx", "rm", "--force", name)
