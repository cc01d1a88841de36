"""A child process in a group of its own, which can be asked to stop and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PATIENCE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
_LOOK_EVERY = 0.1


def run(  # noqa: PLR0913 - a command has these parts
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    stdin: bytes,
    take: Callable[[bytes], None],
    stop: threading.Event,
    out: IO[bytes] | None = None,
) -> int:
    """Run a command, give each line of its standard error to `take`, and return its exit code.

    Its standard output goes to the file `out`, or nowhere.
    When `stop` is set, or `take` raises, its group gets SIGINT, after 10 s SIGTERM, after 10 more
    SIGKILL. The group is its own: a terminal's Ctrl-C reaches it through us alone.
    """
    with TemporaryFile() as request:  # a pipe could block us both
        request.write(stdin)
        request.seek(0)
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=request,
            stdout=out or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    return _follow(child, take, stop)


def _follow(
    child: subprocess.Popen[bytes], take: Callable[[bytes], None], stop: threading.Event
) -> int:
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(child, stop, over), name="buildx-watcher")
    watcher.start()
    with child:
        try:
            for line in child.stderr or ():
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
            return
        _signal(child, what)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)


def _signal(child: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, what)
