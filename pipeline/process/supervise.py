"""Run a child process in a group of its own, stop it when asked to, and leave nothing behind.

It does not outlive us: a shell beside it waits at a pipe that we hold and never write to. When we
end in any way, the pipe is closed, and the shell kills the group, itself included.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import IO, TYPE_CHECKING

from .cleanup import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .environ import ChildEnviron

_PATIENCE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
_LOOK_EVERY = 0.1
_LONGEST = 16 << 20
"""Bytes after which a line is split. BuildKit's have some hundred thousand."""
_LINGERING = 2.0
"""Seconds for processes that an ended command left running, which may still hold our pipe."""
_SCRIPT = """
exec 9<&0
( trap '' INT TERM HUP; read -r _; kill -KILL 0 ) <&9 >/dev/null 2>&1 &
exec "$@" <"$0" 9<&-
"""
"""Start the shell that waits, and become the command. `$0` is the command's standard input.

The pipe is number 9, as a background job gets `/dev/null` for number 0.
"""


def run(  # noqa: PLR0913 - a command has these parts
    command: Sequence[str],
    *,
    cwd: Path,
    environ: ChildEnviron,
    stdin: bytes,
    take: Callable[[bytes], None],
    stop: threading.Event,
    out: IO[bytes] | None = None,
) -> int:
    """Run a command, give each line of its standard error to `take`, and return its exit code.

    Its standard output goes to the file `out`, or nowhere.
    When `stop` is set, or `take` raises, its group gets SIGINT, after 10 s SIGTERM, after 10 more
    SIGKILL; so does, after 2 s, what is left of the group when the command itself has ended. The
    group is its own: a terminal's Ctrl-C reaches it through us alone.
    """
    with private_folder("request", environ) as folder, _pipe() as life:
        request = folder / "stdin"  # a pipe could block us both
        request.write_bytes(stdin)
        child = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, str(request), *command],
            cwd=cwd,
            env=environ,
            stdin=life,
            stdout=out or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return _follow(child, take, stop)


@contextmanager
def _pipe() -> Iterator[int]:
    """Yield the read end of a pipe; no child inherits the write end, which is closed with us."""
    here, ours = os.pipe()
    try:
        yield here
    finally:
        os.close(here)
        os.close(ours)


def _follow(
    child: subprocess.Popen[bytes], take: Callable[[bytes], None], stop: threading.Event
) -> int:
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(child, stop, over), name="buildx-watcher")
    watcher.start()
    with child:
        try:
            stream = child.stderr or BytesIO()
            while line := stream.readline(_LONGEST):
                take(line)
            return child.wait()
        finally:
            over.set()
            watcher.join()
            _signal(child, signal.SIGKILL)  # whoever is left of its group


def _watch(child: subprocess.Popen[bytes], stop: threading.Event, over: threading.Event) -> None:
    while child.poll() is None and not stop.is_set() and not over.wait(_LOOK_EVERY):
        pass
    for what, patience in _PATIENCE:
        if child.poll() is not None:
            break
        _signal(child, what)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
    if not over.wait(_LINGERING):
        _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, what)
