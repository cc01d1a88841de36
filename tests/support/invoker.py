"""Run Invoke in forks of a process that has everything imported: half of `make test` was imports.

A process that has imported the package forks for each run. The fork has its own session,
environment, working directory and files, runs `python -m invoke`, and exits like Python, except
that it does not free every object. It shares with other runs only what Python reads at its start:
hash seed and encodings. Use `Project.start` for a process of its own.
"""

from __future__ import annotations

import atexit
import faulthandler
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
LARGEST = 1 << 17
"""Maximum size of a request in bytes; the kernel takes that much in one message."""
_LATE = ("docker", "invoke.main", "rich.live", "rich.progress", "rich.table")
"""Modules that the package imports inside functions."""
_STARTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Request:
    words: list[str]
    folder: str
    environ: dict[str, str]


def invoke(
    words: Sequence[str], folder: Path, environ: Mapping[str, str], *, seconds: float = 280
) -> subprocess.CompletedProcess[str]:
    """Run `invoke WORDS` in a folder. Kill it and raise `TimeoutError` after `seconds`."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        code = invoke_into(words, folder, environ, (out.fileno(), err.fileno()), seconds=seconds)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(words), code, out.read(), err.read())


def invoke_into(
    words: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    streams: tuple[int, int],
    *,
    seconds: float = 280,
) -> int:
    """Do the same with open files for stdout and stderr; return the exit code."""
    request = _Request(list(words), str(folder), dict(environ))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            with _STARTING:  # Without it, two threads would start one each.
                forks = _line()
            files = [*streams, theirs.fileno()]
            socket.send_fds(forks, [json.dumps(asdict(request)).encode()], files)
        return _code(ours, seconds)


def _code(line: socket.socket, seconds: float) -> int:
    pid = _number(line)
    line.settimeout(seconds)
    try:
        return os.waitstatus_to_exitcode(_number(line))
    except TimeoutError:
        os.killpg(pid, signal.SIGKILL)
        raise


def _number(line: socket.socket) -> int:
    said = line.recv(64)
    if not said:
        raise RuntimeError("the forking process has ended; its stderr says why")
    return int(said)


@functools.cache
def _line() -> socket.socket:
    """Connect to the forking process, which exits when this process ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.invoker", str(theirs.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _next(line: socket.socket) -> _Request:
    """Fork for each request until there are no more. Return in the forks, with their files open."""
    gc.disable()
    for module in (*_LATE, *modules()):
        importlib.import_module(module)
    pipeline.load(ROOT)  # What it compiles and imports is then there for all runs.
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _, _ = socket.recv_fds(line, LARGEST, 3)
        if not request:
            sys.exit()
        if os.fork() == 0:
            _hand_on(*files)
            return _Request(**json.loads(request))
        for file in files:
            os.close(file)


def modules() -> list[str]:
    """Return the names of all modules in the package."""
    return [module.name for module in pkgutil.walk_packages(pipeline.__path__, "pipeline.")]


def _hand_on(out: int, err: int, status: int) -> None:
    """Fork again; send the fork's process id, and later its exit status. Return in the fork."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        os.write(status, str(pid).encode())
        _, ended = os.waitpid(pid, 0)
        os.write(status, str(ended).encode())
        os._exit(0)
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    for file in (out, err, status):
        os.close(file)


def _become(asked: _Request) -> None:
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.environ)
    sys.argv[1:] = asked.words
    sys.path[0] = asked.folder
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as Python opens them
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    faulthandler.enable(2)  # A crash says where it was.


def _run() -> int:
    try:
        runpy.run_module("invoke", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        return ended.code or 0
    return 0


def _exit(code: int) -> None:
    """Exit like Python, but do not free each object: that would take as long as a short run.

    As the fork shares its memory with the forking process, each change copies a page.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError):  # Python itself has an exit code for that.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _given:
        _asked = _next(_given)
    _become(_asked)
    _exit(_run())
