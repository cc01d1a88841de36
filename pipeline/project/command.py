"""Run a user's command without a shell, with a timeout, and return what it prints.

No process of it is left after it has ended (`process.reaper`), nor after we are gone.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import UnknownError, reason_of
from ..model.masking import masker
from ..process import reaper
from ..process.environ import for_command
from ..registry.auth.keychain import known_secrets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..process.environ import ChildEnviron

TIMEOUT = 60.0
"""Seconds that a command may take."""
MOST = 4 << 20
"""Bytes that it may print: the names of some hundred thousand apps."""
_AT_ONCE = 1 << 16
_READS = 16
_LAST = 1 << 13
"""Bytes of standard error that are kept."""
_LAST_LINES = 5
_GRACE = 10.0
"""Seconds in which all that it started is ended; a process of another user is not."""


def output_of(
    words: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    *,
    allowed: Collection[str] = (),
    timeout: float = TIMEOUT,
    most: int = MOST,
) -> str:
    """Run a command, and return what it writes to standard output.

    Its environment has none of our credentials, except variables in `allowed`. Raises
    `UnknownError` if it cannot be started, does not end within `timeout` seconds, prints more than
    `most` bytes, or exits with a code other than 0; the message has the last lines of its standard
    error.
    """
    with _started(words, cwd, for_command(environ, allowed)) as run:
        _follow(run, words[0], timeout, most)
    if run.report.startswith(b"errno "):
        why = os.strerror(int(run.report.split()[1])).lower()
        raise UnknownError(f"`{words[0]}` could not be started: {why}")
    code = int(run.report) if run.report else None
    if code != 0:
        how = "was ended from outside" if code is None else f"ended with {code}"
        said = _last_lines(run.err, environ)
        raise UnknownError(f"`{words[0]}` {how}{':' if said else ''}{said}")
    return run.out.decode(errors="replace")


class _Run(Struct):
    """A running command: the ends of pipes to read from, and what was read so far.

    `report` is the reaper's report of how it ended, which comes last.
    """

    streams: Mapping[int, str]
    out: bytearray = field(default_factory=bytearray)
    err: bytes = b""
    report: bytes = b""

    @property
    def line(self) -> int:
        """The pipe that the reaper writes its report to."""
        return next(number for number, name in self.streams.items() if name == "end")

    def take(self, number: int) -> bool:
        """Read what is available now; return whether more may come."""
        try:
            said = os.read(number, _AT_ONCE)
        except BlockingIOError:
            return False
        match self.streams[number]:
            case "out":
                self.out += said
            case "err":
                self.err = (self.err + said)[-_LAST:]
            case _:
                self.report += said
        return bool(said)


@contextmanager
def _started(words: Sequence[str], cwd: Path, environ: ChildEnviron) -> Iterator[_Run]:
    """Start the command; at the end of the block it is ended, with all that it has started."""
    (waiting, ours), (line, report_end), (out, out_end), (err, errors_end) = (
        os.pipe() for _ in range(4)
    )
    program = [sys.executable, "-I", "-S", reaper.__file__, str(waiting), str(report_end), *words]
    with ExitStack() as files:
        for number in (line, out, err):
            os.set_blocking(number, False)
            files.callback(os.close, number)
        try:
            child = subprocess.Popen(
                program,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out_end,
                stderr=errors_end,
                pass_fds=(waiting, report_end),
                start_new_session=True,
            )
            files.callback(_end, child)
        except OSError as error:
            why = reason_of(error)
            raise UnknownError(f"`{words[0]}` could not be started: {why}") from None
        finally:
            files.callback(os.close, ours)  # closed first: the reaper waits for that
            for number in (waiting, report_end, out_end, errors_end):
                os.close(number)
        yield _Run({out: "out", err: "err", line: "end"})


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    child.kill()
    child.wait()


def _follow(run: _Run, name: str, timeout: float, most: int) -> None:
    """Read until the reaper reports how the command ended, and all that it printed before."""
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for number in run.streams:
            selector.register(number, selectors.EVENT_READ)
        while run.line in selector.get_map() and not run.report:
            ready = selector.select(deadline - time.monotonic())
            if not ready or time.monotonic() > deadline:
                raise UnknownError(f"`{name}` took longer than {timeout:g} s")
            for number in (key.fd for key, _ in ready):
                if not run.take(number):
                    selector.unregister(number)
            _check(run, name, most)
    for number in run.streams:
        # A pipe holds no more: what comes later is from a process that is being ended now.
        for _ in range(_READS):
            if not run.take(number):
                break
        _check(run, name, most)


def _check(run: _Run, name: str, most: int) -> None:
    if len(run.out) > most:
        raise UnknownError(f"`{name}` prints more than {most:,} bytes")


def _last_lines(err: bytes, environ: Mapping[str, str]) -> str:
    lines = err.decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
    return masker(known_secrets(environ))("".join(f"\n{line}" for line in lines))
