"""Find flyctl on PATH: Concourse, too, has a program that is called `fly`.

flyctl is installed as `flyctl` and `fly`. Both print their version in one line, which begins with
the name that it was started by (superfly/flyctl `internal/buildinfo`):

    fly v0.4.87 linux/amd64 Commit: ad0172fac BuildDate: 2026-08-21T00:00:00Z BranchName: master

Concourse's does not have the command `version`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ...errors import PipelineError, UnknownError, reason_of
from ...process.capture import capture
from ...process.environ import for_flyctl, path_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = ("flyctl", "fly")
"""The order matters: no other program is called `flyctl`."""
_SAYS = r"(?m)^\S+ v(\S+) \S+/\S+ Commit: "
_TIMEOUT = 30.0
_INSTALL = "install it: https://fly.io/docs/flyctl/install/"

_looking = threading.Lock()
_versions: dict[tuple[str, int], str] = {}
"""Versions by path and time of change: looked up once in a process, not for each app."""


class FlyProgram(Struct, frozen=True):
    """The path and the version of flyctl."""

    path: str
    version: str


def candidates(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Find the programs on PATH that may be flyctl, the likeliest first; each once."""
    folders = path_folders(environ)
    found = (shutil.which(name, path=folder) for name in _NAMES for folder in folders)
    by_file: dict[str, str] = {}
    for path in found:
        if path:
            by_file.setdefault(os.path.realpath(path), path)
    return tuple(by_file.values())


def fly_program(environ: Mapping[str, str]) -> FlyProgram:
    """Find the first program on PATH that says that it is flyctl.

    Raises `UnknownError` where none does, with what each of them said.
    """
    others = []
    for path in candidates(environ):
        try:
            return FlyProgram(path, _version(path, environ))
        except _OtherProgramError as error:
            others.append(error.message)
    if not others:
        raise UnknownError("flyctl, which deploys to Fly, is not on PATH", hint=_INSTALL)
    raise UnknownError(
        f"flyctl, which deploys to Fly, is not on PATH: {'; '.join(others)}",
        hint=f"{_INSTALL}, under the name `flyctl`",
    )


class _OtherProgramError(PipelineError):
    """A program does not say that it is flyctl, or cannot be run."""


def _version(path: str, environ: Mapping[str, str]) -> str:
    with _looking:
        try:
            key = (path, Path(path).stat().st_mtime_ns)
        except OSError as error:
            raise _not_run(path, error) from None
        if key not in _versions:
            _versions[key] = _asked(path, environ)
        return _versions[key]


def _asked(path: str, environ: Mapping[str, str]) -> str:
    env = {name: value for name, value in environ.items() if name != "FLY_JSON"}
    try:
        # It may be another program: it gets no token.
        quiet = for_flyctl({**env, "FLY_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"})
        done = capture([path, "version"], quiet, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise _OtherProgramError(f"`{path} version` took longer than {_TIMEOUT:g} s") from None
    except OSError as error:
        raise _not_run(path, error) from None
    if not done.returncode and (said := re.search(_SAYS, done.stdout)):
        return said[1]
    lines = f"{done.stdout}\n{done.stderr}".split("\n")
    first = next((line.strip() for line in lines if line.strip()), "nothing")
    raise _OtherProgramError(f"`{path}` is another program, or broken: it says {first[:80]!r}")


def _not_run(path: str, error: OSError) -> _OtherProgramError:
    return _OtherProgramError(f"`{path}` cannot be run: {reason_of(error)}")
