"""Background processes that outlive this one, identified by pid and start time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

POLL_SECONDS = 0.02
LOG_LINES = 8


@dataclass(frozen=True)
class Process:
    """A process; `started` is its start time, because the kernel may reuse its pid."""

    pid: int
    started: str


def spawn(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Process:
    """Start `command` (an absolute path first) in a new session, with its output in `log`.

    Return a pid instead of a `subprocess.Popen`: nothing here waits for it, and it stays when this
    process ends.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Process(pid, _started(pid))


def alive(process: Process) -> bool:
    """Return whether that process still runs; reap it if it was our child and has ended."""
    found = process.started != "" and _started(process.pid) == process.started
    # Afterwards: a process that ends in between would otherwise stay a zombie.
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return found


def stop(process: Process, *, patience: float = 20.0) -> None:
    """Stop a process: SIGTERM, and SIGKILL after `patience` seconds. Nothing if it has ended."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        if not alive(process):
            return
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
        wait_until(lambda: not alive(process), seconds=seconds)


def wait_for(
    ready: Callable[[], bool], process: Process, *, what: str, log: Path, patience: float = 30.0
) -> None:
    """Wait until `ready()` is true.

    Raises:
        SandboxError: the process ended or took too long; the hint quotes the end of its log.

    """
    wait_until(lambda: ready() or not alive(process), seconds=patience)
    if not (alive(process) and ready()):
        outcome = "does not answer" if alive(process) else "ended at once"
        stop(process, patience=2.0)
        raise SandboxError(f"{what} {outcome}", hint=f"its log `{log}` ends with: {tail(log)}")


def wait_until(ready: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until `ready()` is true, at most `seconds`; return whether it is."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tail(log: Path) -> str:
    """Return the last lines of `log`, joined for one message."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " | ".join(line.strip() for line in lines[-LOG_LINES:]) or "(nothing)"


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run `command` and return its output, stdout and stderr together.

    Raises:
        SandboxError: it failed; the hint quotes the end of its output.

    """
    done = subprocess.run(  # The command comes from the caller; no shell is used.
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
        env=environment,
    )
    if done.returncode != 0:
        said = " | ".join(done.stdout.strip().splitlines()[-LOG_LINES:]) or "(nothing)"
        raise SandboxError(f"`{Path(command[0]).name}` failed", hint=f"it said: {said}")
    return done.stdout


def _started(pid: int) -> str:
    """Return the start time of `pid` in the system's unit; empty if it has ended or is a zombie."""
    if not Path("/proc/self/stat").exists():
        shown = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            check=False,
            text=True,
        ).stdout.strip()
        return "" if shown.startswith("Z") else shown.partition(" ")[2]
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # proc(5): the command may contain blanks and brackets; what follows its last bracket does not.
    fields = stat.rpartition(")")[2].split()
    # Ticks since boot: unique only together with the boot id.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"
