"""The state of a sandbox: small JSON files, replaced atomically."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from sandbox import process

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.folders import Folders


def write(path: Path, content: dict[str, object]) -> None:
    """Replace a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(path)


def read(path: Path) -> dict[str, object]:
    """Return the content of a file; empty if it does not exist or is not ours."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remember(folders: Folders, name: str, daemon: process.Process) -> None:
    """Record a background process for `down`."""
    content: dict[str, object] = {"pid": daemon.pid, "started": daemon.started}
    write(_record(folders, name), content)


def recall(folders: Folders, name: str) -> process.Process | None:
    """Return the background process of that name, if it still runs."""
    content = read(_record(folders, name))
    daemon = process.Process(int(str(content.get("pid", 0))), str(content.get("started", "")))
    return daemon if daemon.pid > 0 and process.alive(daemon) else None


def forget(folders: Folders, name: str) -> None:
    """Remove the record of a stopped process."""
    _record(folders, name).unlink(missing_ok=True)


def names(folders: Folders) -> list[str]:
    """Return the names of all recorded processes, running or not."""
    return sorted(path.stem for path in (folders.root / "processes").glob("*.json"))


def stop(folders: Folders, name: str, *, patience: float = 20.0) -> None:
    """Stop the background process of that name and remove its record."""
    daemon = recall(folders, name)
    if daemon is not None:
        process.stop(daemon, patience=patience)
    forget(folders, name)


def _record(folders: Folders, name: str) -> Path:
    return folders.root / "processes" / f"{name}.json"
