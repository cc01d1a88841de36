"""The state of a sandbox: small JSON files, replaced atomically."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from sandbox import process

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.places import Places


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


def remember(places: Places, name: str, daemon: process.Process) -> None:
    """Record a background process for `down`."""
    content: dict[str, object] = {"pid": daemon.pid, "started": daemon.started}
    write(_record(places, name), content)


def recall(places: Places, name: str) -> process.Process | None:
    """Return the background process of that name, if it still runs."""
    content = read(_record(places, name))
    daemon = process.Process(int(str(content.get("pid", 0))), str(content.get("started", "")))
    return daemon if daemon.pid > 0 and process.alive(daemon) else None


def forget(places: Places, name: str) -> None:
    """Remove the record of a stopped process."""
    _record(places, name).unlink(missing_ok=True)


def names(places: Places) -> list[str]:
    """Return the names of all recorded processes, running or not."""
    return sorted(path.stem for path in (places.root / "processes").glob("*.json"))


def stop(places: Places, name: str, *, patience: float = 20.0) -> None:
    """Stop the background process of that name and remove its record."""
    daemon = recall(places, name)
    if daemon is not None:
        process.stop(daemon, patience=patience)
    forget(places, name)


def _record(places: Places, name: str) -> Path:
    return places.root / "processes" / f"{name}.json"
