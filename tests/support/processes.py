"""Processes that a test started, and whether anything of them is left."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def working_in(folder: Path) -> list[str]:
    """The command lines of the processes whose working directory is `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # One that ends while we look is none of them.
        with suppress(OSError):
            if (entry / "cwd").resolve(strict=True) == folder.resolve():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def runs(pid: int) -> bool:
    """Whether there is a process of that number that has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # One that nobody waits for stays in the list after its end.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def patiently(happened: Callable[[], bool], *, seconds: float = 240.0) -> None:
    """Wait until something has happened; fail the test before its own time limit does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
