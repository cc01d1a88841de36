"""The folders in which runs keep their whole logs, in the user's cache folder."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

KEPT = 20
"""How many runs are kept; older ones are removed when a new one begins."""

_LOG = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_RUN = r"\d{8}T\d{6}Z-\d+"


def log_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of all runs: in XDG_CACHE_HOME, else in `~/.cache`; `None` without a home.

    A relative XDG_CACHE_HOME does not count, as the XDG Base Directory Specification says.
    """
    cache, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if not cache.startswith("/") and not home.startswith("/"):
        return None
    parent = Path(cache) if cache.startswith("/") else Path(home) / ".cache"
    return parent / "fly-image-pipeline" / "logs"


def new_run(folder: Path) -> Path:
    """Make the folder (0700) of this run, and remove those of old runs. Raises `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in sorted(path for path in folder.iterdir() if _is_run(path))[: 1 - KEPT]:
        with suppress(OSError):  # another run may remove it at this moment
            shutil.rmtree(old)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    run = folder / f"{stamp}-{os.getpid()}"
    run.mkdir(mode=0o700, exist_ok=True)
    return run


def open_log(path: Path | str) -> TextIO:
    """Open a log (0600) to add lines to it, each written at once. Raises `OSError`."""
    number = os.open(path, _LOG, 0o600)
    return os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace")


def _is_run(path: Path) -> bool:
    return bool(re.fullmatch(_RUN, path.name)) and path.is_dir() and not path.is_symlink()
