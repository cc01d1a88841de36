"""The programs of the comparisons: docker of the machine or the sandbox, buildx, and crane."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import buildx, machine, packages
from sandbox.errors import SandboxError
from sandbox.folders import folders
from sandbox.go_programs import build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def crane() -> str:
    """Return the path of crane: the installed one, or Debian's package, unpacked in the cache.

    Exit with a hint if there is neither.
    """
    own = shutil.which("crane")
    if own:
        return own
    try:
        root = packages.beside(folders(), machine.system(), "sid", ("crane",))
    except SandboxError as error:
        raise SystemExit(f"this comparison needs crane: {error}; put it on PATH") from error
    return str(root / "usr/bin/crane")


def docker() -> str:
    """Return the path of docker; exit with a hint if there is no engine."""
    found = shutil.which("docker")
    if not found or subprocess.run([found, "version"], capture_output=True, check=False).returncode:
        hint = 'run `python3 -m sandbox up` and `eval "$(python3 -m sandbox env)"`'
        raise SystemExit(f"this comparison needs a docker engine: {hint}")
    return found


def choose_buildx(folder: Path) -> None:
    """Let every docker of this process and its children use the buildx that BUILDX names, if any.

    That is the path of a program, or `newest` for the one that `sandbox/go/buildx` pins, which
    takes Go and some minutes the first time. `folder` keeps docker's configuration.
    """
    wish = os.environ.get("BUILDX")
    if not wish:
        return
    try:
        program = build(buildx.NEWEST) if wish == "newest" else Path(wish).absolute()
    except SandboxError as error:
        raise SystemExit(f"there is no newest buildx: {error.message}; {error.hint}") from error
    os.environ["DOCKER_CONFIG"] = str(buildx.docker_config(folder, program))


def output(*words: str) -> str:
    """Return what a command prints on stdout; print its output and exit if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def run(*words: str, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Run a command in a folder and an environment; print its output and exit if it fails."""
    done = subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed:\n{done.stdout}{done.stderr}")


def environ_at(home: Path, *without: str, **more: str) -> dict[str, str]:
    """Return this environment with another home directory, and without settings of ours.

    Left out are also the variables that begin with one of `without`; `more` is added.
    """
    unwanted = ("PIPELINE_", "FLY_", *without)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "HOME": str(home), **more}


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
