"""What a command of the user's prints: it is run without a shell, and neither for ever nor endless.

Nothing of it is left when it has ended (`process.reaper`), nor when we are gone.
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
"""Bytes that it may print: names of some hundred thousand apps."""
_AT_ONCE = 1 << 16
_READS = 16
_LAST = 1 << 13
"""Bytes of standard error that are kept."""
_LAST_LINES = 5
_GRACE = 10.0
"""Seconds in which all that it left behind is ended; one that runs as somebody else is not."""


def output_of(
    words: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    *,
    allowed: Collection[str] = (),
    timeout: float = TIMEOUT,
    most: int = MOST,
) -> str:
    """What the command writes to its standard output.

    It has no credentials of ours in its environment, but for the variables that are `allowed`.
    Raises `UnknownError` where it cannot be started, does not end within `timeout` seconds, prints
    more than `most` bytes, or ends with another code than 0; the last lines of its standard error
    are in the message.
    """
    with _started(words, cwd, for_command(environ, allowed)) as run:
        _follow(run, words[0], timeout, most)
    if run.told.startswith(b"errno "):
        why = os.strerror(int(run.told.split()[1])).lower()
        raise UnknownError(f"`{words[0]}` could not be started: {why}")
    code = int(run.told) if run.told else None
    if code != 0:
        how = "was ended from outside" if code is None else f"ended with {code}"
        said = _last_lines(run.err, environ)
        raise UnknownError(f"`{words[0]}` {how}{':' if said else ''}{said}")
    return run.out.decode(errors="replace")


class _Run(Struct):
    """A command that runs, by the ends of pipes to read from, and what it has said by now.

    `told` is the reaper's word of how it ended, which comes last.
    """

    streams: Mapping[int, str]
    out: bytearray = field(default_factory=bytearray)
    err: bytes = b""
    told: bytes = b""

    @property
    def line(self) -> int:
        """Where the reaper tells."""
        return next(number for number, name in self.streams.items() if name == "end")

    def take(self, number: int) -> bool:
        """Take what can be read now; whether more may come."""
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
                self.told += said
        return bool(said)


@contextmanager
def _started(words: Sequence[str], cwd: Path, environ: ChildEnviron) -> Iterator[_Run]:
    """Start it; at the end of the block it is ended, and whatever it has started."""
    (waiting, ours), (line, tells), (out, writes), (err, complains) = (os.pipe() for _ in range(4))
    program = [sys.executable, "-I", "-S", reaper.__file__, str(waiting), str(tells), *words]
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
                stdout=writes,
                stderr=complains,
                pass_fds=(waiting, tells),
                start_new_session=True,
            )
            files.callback(_end, child)
        except OSError as error:
            why = reason_of(error)
            raise UnknownError(f"`{words[0]}` could not be started: {why}") from None
        finally:
            files.callback(os.close, ours)  # the first to go: the reaper waits for that
            for number in (waiting, tells, writes, complains):
                os.close(number)
        yield _Run({out: "out", err: "err", line: "end"})


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE)
    child.kill()
    child.wait()


def _follow(run: _Run, name: str, timeout: float, most: int) -> None:
    """Read until the reaper tells how the command ended, and all that it had said by then."""
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for number in run.streams:
            selector.register(number, selectors.EVENT_READ)
        while run.line in selector.get_map() and not run.told:
            ready = selector.select(deadline - time.monotonic())
            if not ready or time.monotonic() > deadline:
                raise UnknownError(f"`{name}` took longer than {timeout:g} s")
            for number in (key.fd for key, _ in ready):
                if not run.take(number):
                    selector.unregister(number)
            _check(run, name, most)
    for number in run.streams:
        # A pipe holds no more than that: what comes after it is from somebody who is ended now.
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
