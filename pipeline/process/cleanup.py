"""Temporary folders, and how the next run removes those of a run that was killed.

A process that gets SIGKILL cannot clean up. So whatever outlives a process names its owner: the
process id, when the process started (ids are reused, in a container at each start), and where that
id is valid (`here`). Containers that share a folder for temporary files do not see each other's
processes; so each folder also has a locked file, which the kernel unlocks when its process ends in
any way. What cannot be judged is left.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownError, reason_of
from .openat import STEP, descend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PREFIX = "fly-image-pipeline-"
_LOCK = ".fly-image-pipeline.lock"
_ROOMY = Path("/var/tmp")  # noqa: S108 - the folders in it have names that nobody can guess
_OURS = rf"{_PREFIX}[a-z]+-(?P<owner>\d+\.\d+)(?:\.(?P<machine>[0-9a-f]{{12}}))?-"
_OWNER = r"(?P<pid>\d+)\.(?P<started>\d+)"
_OLD = 7 * 24 * 3600.0
"""Seconds after which a folder without a lock is removed, whoever made it."""


@contextmanager
def private_folder(what: str, environ: Mapping[str, str], *, roomy: bool = False) -> Iterator[Path]:
    """Make a folder (0700) for `what` (letters); it is removed at the end, or by the next run.

    It is in the user's memory file system (`XDG_RUNTIME_DIR`) if there is one, else in `TMPDIR`. A
    `roomy` one may hold gigabytes: it is in `TMPDIR`, else in `/var/tmp`, which is on a disk.
    Raises `UnknownError` where none can be made.
    """
    found = _parents(environ)
    parents = found[-1:] if roomy else found
    prefix = f"{_PREFIX}{what}-{owner()}.{_machine()}-"
    folder, lock = _first(parents, prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def keep_report(text: str, environ: Mapping[str, str]) -> Path | None:
    """Write a run's result to a file that stays (0600); return its path, `None` where none can be.

    It is in the first folder where it can be written: temporary folders, then the home folder.
    """
    named = (environ.get(name) for name in ("TMPDIR", "XDG_RUNTIME_DIR", "HOME"))
    temporary, *more = (Path(name).absolute() if name else None for name in named)
    for folder in filter(None, (temporary, Path("/tmp"), _ROOMY, *more)):  # noqa: S108
        with suppress(OSError):
            number, name = tempfile.mkstemp(prefix=f"{_PREFIX}report-", dir=folder)
            try:
                with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(text)
            except OSError:
                Path(name).unlink()
                raise
            return Path(name)
    return None


def sweep(environ: Mapping[str, str]) -> None:
    """Remove the folders that this user's killed runs left behind."""
    for parent in _parents(environ):
        with suppress(OSError):
            for path in parent.glob(f"{_PREFIX}*"):
                with suppress(OSError):  # another run may sweep it at this moment
                    _sweep(path)


def _sweep(path: Path) -> None:
    found, known = re.match(_OURS, path.name), path.lstat()
    ours = stat.S_ISDIR(known.st_mode) and known.st_uid == os.getuid()
    if found is None or not ours or lives(found["owner"]):
        return
    judged = found["machine"] == _machine() or time.time() - known.st_mtime > _OLD
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:  # not locked yet, no locks there, or made by version 0.1
        if judged:
            _remove(path)
        return
    try:
        if _is_free(lock, unless_known=judged):
            _remove(path)
    finally:
        os.close(lock)


def _is_free(lock: int, *, unless_known: bool) -> bool:
    """Take a lock if it is free; return whether it was. It is held until the file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return unless_known
    return True


def owner() -> str:
    """Name this process by its id and its start, which no later process has: `PID.STARTED`."""
    return f"{os.getpid()}.{_started(os.getpid())}"


def lives(who: str) -> bool:
    """Return whether the process that `owner` named still runs; true where that is unknown."""
    match = re.fullmatch(_OWNER, who)
    if match is None:
        return True
    pid = int(match["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return _started(pid) == match["started"]
    return _started(pid) == match["started"]


def here() -> str:
    """Name the scope in which process ids are valid: the host, its boot, its PID namespace.

    Without the boot, two machines of the same name that share an engine would be one.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    return "/".join(parts)


def booted() -> float:
    """Return when this machine booted, or up to a minute before, in seconds of its clock."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - 60


def _machine() -> str:
    return hashlib.sha256(here().encode(errors="surrogateescape")).hexdigest()[:12]


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot (proc(5)); 0 where that is unknown."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        # A zombie has ended, though its id is still taken.
        return "" if fields[0] in "ZX" else fields[19]
    return "0"


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder; return it, and a handle that holds its lock until it is closed.

    The lock file gets its name only once it is locked: who can lock it knows that its owner ended.
    It is a file, as other machines that share the file system do not see the lock of a folder.
    Something is written to it, so that a full disk is found out here.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        new = folder / f"{_LOCK}.new"
        lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(lock, f"{owner()} {here()}\n".encode(errors="replace"))
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                new.rename(folder / _LOCK)
        except OSError:
            os.close(lock)
            raise
    except OSError:
        _remove(folder)
        raise
    return folder, lock


def _first(parents: Sequence[Path], prefix: str) -> tuple[Path, int]:
    """Make a locked folder in the first of `parents` where that works. Raises `UnknownError`."""
    for parent in parents:
        try:
            return _locked_folder(parent, prefix)
        except OSError as error:
            failed = _no_folder(f"in `{parent}`", error)
    raise failed


def _remove(folder: Path) -> None:
    """Remove a folder, also where folders in it are read-only, or very deep."""
    try:
        _remove_all(folder)
    except RecursionError:  # Python's own walk goes only as deep as its stack
        with suppress(OSError, RecursionError):
            _empty(folder)
            _remove_all(folder)


def _empty(folder: Path) -> None:
    """Remove all that is in a folder, however deep, step by step.

    No program such as `rm` is run: it would be looked up on PATH, with our environment.
    """
    here = os.open(folder, STEP)
    left = [_without_files(here)]
    way: list[str] = []
    while left[-1] or way:
        if left[-1]:
            name = left[-1].pop()
            os.chmod(name, stat.S_IRWXU, dir_fd=here)
            here = descend(here, [name])
            left.append(_without_files(here))
            way.append(name)
        else:
            here = descend(here, [".."])
            left.pop()
            os.rmdir(way.pop(), dir_fd=here)
    os.close(here)


def _without_files(here: int) -> list[str]:
    """Remove all but the folders in an open folder; return their names."""
    with os.scandir(here) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=here)
    return [name for name, is_folder in found if is_folder]


def _remove_all(folder: Path) -> None:
    for parent, names, _ in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _no_folder(where: str, error: OSError) -> UnknownError:
    message = f"no temporary folder can be made {where}: {reason_of(error)}"
    return UnknownError(message, hint="set TMPDIR to a folder with room that you may write to")


def _parents(environ: Mapping[str, str]) -> list[Path]:
    """Return where temporary folders can be: the fastest first, the one with most room last."""
    try:
        found = [Path(environ.get("TMPDIR") or _usual()).absolute()]
    except OSError as error:
        raise _no_folder("anywhere", error) from None
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_open(Path(runtime)):
        found.insert(0, Path(runtime))
    if not environ.get("TMPDIR") and _is_open(_ROOMY):
        found.append(_ROOMY)
    return found


def _usual() -> str:
    """Return the system's temporary folder. Raises `FileNotFoundError` where there is none.

    Python would take the working directory then, where the user's files are.
    """
    found = Path(tempfile.gettempdir())
    if found.name != "tmp" and found == Path.cwd():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return str(found)


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
