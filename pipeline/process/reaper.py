"""Run a command, and end all that it has started when it ends, or when nobody waits for it.

A program by itself, started with this file's name: it imports nothing of the package. On Linux the
processes that the command leaves behind become its children, also those in sessions of their own
(prctl(2), PR_SET_CHILD_SUBREAPER), and it ends them all. Elsewhere it ends the command's group.

Its arguments are two file descriptors and the command. It reads from the first, which ends when
nobody waits any more, and writes to the second how the command ended: its exit code, negative for
a signal, or `errno N` where it could not be started.
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
    """Run the command of the arguments to its end, or to that of whoever waits."""
    waiting, told = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(waiting, False)
    os.set_inheritable(told, False)
    adopt()
    ended, awake = os.pipe()
    os.set_blocking(awake, False)
    signal.set_wakeup_fd(awake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        os.write(told, f"errno {error.errno}".encode())
        return
    while child.poll() is None:
        if waiting in select.select([waiting, ended], [], [])[0]:
            break
        os.read(ended, 512)
    code = child.poll()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with suppress(BrokenPipeError):  # nobody waits any more
        os.write(told, str(-signal.SIGKILL if code is None else code).encode())
    end_children()  # for ever, where one runs as somebody else: who waits ends us then


def adopt() -> None:
    """Become the parent of orphans below, where the system has such a thing."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - not needed elsewhere

        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """End every child, and those that become children by that."""
    while True:
        for pid in children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """The numbers of our children; none where there is no `/proc`."""
    try:
        with os.scandir("/proc") as found:
            processes = [one for one in found if one.name.isdecimal()]
    except OSError:
        return []
    return [int(one.name) for one in processes if parent(one.path) == os.getpid()]


def parent(process: str) -> int:
    """The number of a process's parent, by its folder in `/proc`; 0 where it has ended."""
    with suppress(OSError), open(f"{process}/stat", "rb") as stat:  # noqa: PTH123 - pathlib costs 10 ms
        # The name before it may have blanks and brackets.
        return int(stat.read().rpartition(b")")[2].split()[1])
    return 0


if __name__ == "__main__":
    main()
