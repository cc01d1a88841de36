"""Programs written in Go, built from the pinned versions in `sandbox/go/NAME/go.mod`.

A `go.mod` of its own for each: its authors' choice of versions is not mixed with that of others.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.folders import Folders, folders, locked, scratch
from sandbox.packages import say

MODULES = Path(__file__).with_name("go")
_REQUIRED = re.compile(r"^\s*(?:require )?(\S+) (v\S+)(?: // indirect)?$", re.MULTILINE)


@dataclass(frozen=True)
class GoProgram:
    """A main package that `go.mod` in `folder` names with a `tool` line.

    `version_variable` is the variable in which the program keeps its version, if it has one.
    """

    folder: Path
    package: str
    version_variable: str = ""

    @property
    def version(self) -> str:
        """Return the version that `go.mod` pins, such as `v3.1.2`."""
        text = (self.folder / "go.mod").read_text(encoding="utf-8")
        required: dict[str, str] = dict(_REQUIRED.findall(text))
        module = max((m for m in required if f"{self.package}/".startswith(f"{m}/")), key=len)
        return required[module]

    @property
    def key(self) -> str:
        """Return twelve hex digits that are derived from all inputs of the program."""
        parts = [(self.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        words = (self.package, self.version_variable, os.uname().machine)
        parts += [word.encode() for word in words]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def build(program: GoProgram, at: Folders | None = None) -> Path:
    """Return the program from the cache; build it the first time.

    One build at a time and one compiler at a time: each takes hundreds of MB of memory.

    Raises:
        SandboxError: there is no Go, a module cannot be downloaded, or the build fails.

    """
    cache = (at or folders()).cache
    home = cache / f"go-{program.folder.name}-{program.version}-{program.key}"
    # A program that is there already waits for no build of another one.
    if not home.exists():
        with locked(cache / "go.lock"):
            if not home.exists():
                with scratch(cache, "go") as folder:
                    _compile(program, folder / "out" / Path(program.package).name)
                    (folder / "out").replace(home)
    return home / Path(program.package).name


def _compile(program: GoProgram, output: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise SandboxError(
            f"`{program.package}` needs Go, and there is no program `go`",
            hint="install Go 1.26 or later",
        )
    say(f"building {program.package} {program.version}")
    flags = []
    if program.version_variable:
        flags = ["-ldflags", f"-X {program.version_variable}={program.version}"]
    ran = subprocess.run(
        [
            go,
            "build",
            "-p=1",
            "-trimpath",
            "-mod=readonly",
            *flags,
            "-o",
            str(output),
            program.package,
        ],
        cwd=program.folder,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SandboxError(
            f"`{program.package}` could not be built", hint="\n".join(ran.stderr.splitlines()[-8:])
        )
