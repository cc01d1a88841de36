"""A copy of this repository's sources, and the wheel that is built from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "pipeline", "fly_image_pipeline")
"""What the build reads. A copy of it, as setuptools writes into the folder that it builds."""
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def copy_sources(folder: Path) -> Path:
    """Copy the sources to a new folder, without compiled modules and traces of other builds."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / name, ignore=unwanted)
        else:
            shutil.copy2(source, folder / name)
    return folder


def build_wheel(sources: Path, folder: Path) -> Path:
    """Build the wheel as build tools do, but with the setuptools of this environment."""
    folder.mkdir()
    command = [sys.executable, "-c", BUILD, str(folder)]
    built = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel
