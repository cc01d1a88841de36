"""The user's home folder, as an environment names it, and paths as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def home(environ: Mapping[str, str]) -> Path:
    """The home folder that the environment names."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def shown(path: Path, environ: Mapping[str, str]) -> str:
    """A path for people: `~/.docker/config.json`."""
    try:
        return f"~/{path.relative_to(home(environ)).as_posix()}"
    except ValueError:
        return str(path)
