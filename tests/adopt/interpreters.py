"""The Python interpreters of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""Each that the package is for."""


def find_python(version: str) -> Path | None:
    """Return an interpreter of this version: one on PATH, or one of pyenv's."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [Path(on_path)] if on_path else []
    found += sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    return next((path for path in found if _runs(path)), None)


def _runs(python: Path) -> bool:
    """Pyenv puts programs on PATH that only say which versions there are."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
