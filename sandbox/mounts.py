"""Unmount file systems below a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path


def unmount_below(*folders: Path) -> None:
    """Unmount everything below `folders`, the innermost first."""
    shown = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    points = [Path(_unescaped(line.split()[4])) for line in shown.splitlines()]
    real = [folder.resolve() for folder in folders]
    for point in reversed(points):
        if any(folder in point.parents for folder in real):
            subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)


def _unescaped(field: str) -> str:
    """Decode a path in mountinfo (proc(5): blanks and backslashes are octal)."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
