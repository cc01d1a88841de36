"""Run a command, and end all processes that it started once it ends or its caller is gone.

A program of its own, run by the name of this file: it imports nothing of the package. On Linux the
processes that the command leaves behind become its children, also those in sessions of their own
(prctl(2), PR_SET_CHILD_SUBREAPER), and it ends them all. Elsewhere it ends the command's group.

Its arguments are two file descriptors and the command. The first is closed when the caller is
gone; to the second it writes how the command ended: its exit code, negative for a signal, or
`errno N` where it could not be started.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER (linux/prctl.h)."""


def main() -> None:
    """Run the command in the arguments until it ends, or the caller does."""
    caller, result = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(caller, False)
    os.set_inheritable(result, False)
    adopt()
    ended, awake = os.pipe()
    os.set_blocking(awake, False)
    signal.set_wakeup_fd(awake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        os.write(result, f"errno {error.errno}".encode())
        return
    while child.poll() is None:
        if caller in select.select([caller, ended], [], [])[0]:
            break
        os.read(ended, 512)
    code = child.poll()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with suppress(BrokenPipeError):  # the caller is gone
        os.write(result, str(-signal.SIGKILL if code is None else code).encode())
    end_children()  # for ever, where one runs as another user: the caller ends us then


def adopt() -> None:
    """Become the parent of orphaned descendants, where the system supports that."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - not needed elsewhere

        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """End all children, and those that become children by that."""
    while True:
        for pid in children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the ids of our children; none where there is no `/proc`."""
    try:
        with os.scandir("/proc") as found:
            processes = [one for one in found if one.name.isdecimal()]
    except OSError:
        return []
    return [int(one.name) for one in processes if parent(one.path) == os.getpid()]


def parent(process: str) -> int:
    """Return the id of a process's parent, by its folder in `/proc`; 0 where it has ended."""
    with suppress(OSError), open(f"{process}/stat", "rb") as stat:  # noqa: PTH123 - pathlib costs 10 ms
        # The name before it may have blanks and brackets.
        return int(stat.read().rpartition(b")")[2].split()[1])
    return 0


if __name__ == "__main__":
    main()
