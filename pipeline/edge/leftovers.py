"""What a run keeps outside of itself while it lasts, and how the next run removes it after a kill.

Nothing of a process that gets SIGKILL can clean up. So whatever outlives a process says whose it
is: the process's number, and when it started, as numbers come again (in a container at each start).
Containers that share a folder for temporary files do not know one another's numbers; so a folder
is locked besides, and the kernel unlocks it when its process ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "fly-image-pipeline-"
_ROOMY = Path("/var/tmp")  # noqa: S108 - the folders in it have names that nobody can guess
_OURS = re.compile(rf"{_PREFIX}[a-z]+-(?P<owner>\d+\.\d+)-")
_OWNER = re.compile(r"(?P<pid>\d+)\.(?P<started>\d+)")


@contextmanager
def private_folder(what: str, environ: Mapping[str, str], *, roomy: bool = False) -> Iterator[Path]:
    """A folder (0700) for `what` (letters), removed at the end, and after a kill by the next run.

    It is in memory of this user's (`XDG_RUNTIME_DIR`) where there is one, else in `TMPDIR`. A
    `roomy` one may take gigabytes: it is in `TMPDIR`, else in `/var/tmp`, which is on a disk.
    Raises `UnknownError` where none can be made.
    """
    parents = _parents(environ)
    parent = parents[-1] if roomy else parents[0]
    try:
        folder, lock = _locked_folder(parent, f"{_PREFIX}{what}-{owner()}-")
    except OSError as error:
        raise _no_folder(f"in `{parent}`", error) from None
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def sweep(environ: Mapping[str, str]) -> None:
    """Remove the folders that killed runs of this user left behind."""
    for parent in _parents(environ):
        with suppress(OSError):
            for path in parent.glob(f"{_PREFIX}*"):
                _sweep(path)


def _sweep(path: Path) -> None:
    match = _OURS.match(path.name)
    with suppress(OSError):  # another run may sweep it at this moment
        ours = path.lstat().st_uid == os.getuid()
        left = match and ours and not path.is_symlink() and not lives(match["owner"])
        if left and (lock := _lock(path)) is not None:
            _remove(path)
            os.close(lock)


def owner() -> str:
    """Name this process, as others can tell it from any that comes later: `PID.STARTED`."""
    return f"{os.getpid()}.{_started(os.getpid())}"


def lives(who: str) -> bool:
    """Whether the process that `owner` named still runs, as far as can be told here."""
    match = _OWNER.fullmatch(who)
    if match is None:
        return True
    pid = int(match["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's: then its start cannot be ours
        return _started(pid) == match["started"]
    return _started(pid) == match["started"]


def here() -> str:
    """Where process numbers mean what they mean to us: this host, and its namespace of them."""
    with suppress(OSError):
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot (proc(5)); 0 where none are told."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        # One that nobody waits for is over, though its number is still taken.
        return "" if fields[0] in "ZX" else fields[19]
    return "0"


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and what holds its lock; one that was swept before it was locked is left."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        with suppress(FileNotFoundError):
            lock = _lock(folder)
            if lock is not None:
                return folder, lock


def _lock(folder: Path) -> int | None:
    """Lock a folder until the number given is closed; `None` where another process has it locked.

    Where the file system knows no locks, it is not locked.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        return handle
    return handle


def _remove(folder: Path) -> None:
    """Remove a folder, also where folders in it may not be written to."""
    for place, names, _ in os.walk(folder):
        for path in (Path(place, name) for name in names):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _no_folder(where: str, error: OSError) -> UnknownError:
    why = (error.strerror or type(error).__name__).lower()
    message = f"no temporary folder can be made {where}: {why}"
    return UnknownError(message, hint="set TMPDIR to a folder with room that you may write to")


def _parents(environ: Mapping[str, str]) -> list[Path]:
    """Where such folders lie: the fastest place first, the one with most room last."""
    try:
        found = [Path(environ.get("TMPDIR") or tempfile.gettempdir()).absolute()]
    except OSError as error:
        raise _no_folder("anywhere", error) from None
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_open(Path(runtime)):
        found.insert(0, Path(runtime))
    if not environ.get("TMPDIR") and _is_open(_ROOMY):
        found.append(_ROOMY)
    return found


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
