"""Look at processes that a test started, and wait for them."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of the processes whose working directory is `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # A process may end while we look.
        with suppress(OSError):
            if (entry / "cwd").resolve(strict=True) == folder.resolve():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def is_running(pid: int) -> bool:
    """Return whether a process with that id exists and has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # A process that has ended stays in the list until its parent waits for it.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(happened: Callable[[], bool], *, seconds: float = 240.0) -> None:
    """Wait until `happened()` is true; fail before the test's own time limit."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
