"""Keep a task working when stdout or stderr can no longer be written."""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

from ..console.terminal import TolerantStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

READER_GONE, UNWRITTEN = 141, 4
"""The exit codes of a program that a closed pipe ended, and of a result that nobody could read."""


@contextmanager
def tolerant_output(*, keep: bool = False) -> Iterator[TolerantStream]:
    """Stop writing to a stream that has failed once; yield stdout, whose `error` says why.

    With `keep`, it also holds all that was to be written, so that no report of work is lost.

    The file descriptor of a closed stdout or stderr is filled with /dev/null. Otherwise the next
    file that is opened would get it, and child processes would write there.
    """
    _take_closed()
    before = sys.stdout, sys.stderr
    out = TolerantStream(_buffered(sys.stdout), kept=[] if keep else None)
    err = TolerantStream(_buffered(sys.stderr))
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
        for number, stream in ((1, out), (2, err)):
            if stream.error:
                swallow(number)


def unwritten(out: TolerantStream) -> int:
    """Return the exit code for a result that could not be written, and print why; else 0."""
    if out.error is None:
        return 0
    if isinstance(out.error, ConnectionError):
        return READER_GONE
    why = getattr(out.error, "strerror", None) or "it is closed"
    rest = "only its output is lost"
    if out.kept:
        from ..process.cleanup import keep_report

        path = keep_report("".join(out.kept), os.environ)
        rest = f"its result is in `{path}`" if path else rest
    print(  # noqa: T201 - a task's words
        f"error: the result could not be written to stdout: {why.lower()}\n\n"
        f"hint: the task has done its work; {rest}",
        file=sys.stderr,
    )
    return UNWRITTEN


class _Waiting(io.FileIO):
    """A file whose writes wait for room even if it was made non-blocking."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what fits, as soon as something does."""
        while (written := cast("int | None", super().write(data))) is None:
            select.select((), (self,), ())
        return written


def _buffered(stream: TextIO | None) -> TextIO | None:
    """Return a stream that has a buffer and waits for room.

    Without a buffer (PYTHONUNBUFFERED), Python silently loses what the system does not take at
    once. A full pipe that is non-blocking, as Node.js leaves those that it shares, raises an error.
    """
    if stream is None or not _is_hasty(stream):
        return stream
    buffer = io.BufferedWriter(_Waiting(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=True)


def _is_hasty(stream: TextIO) -> bool:
    if isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return True
    try:
        return not os.get_blocking(stream.fileno())
    except (OSError, ValueError):  # it is not a file, or closed
        return False


def _take_closed() -> None:
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            swallow(number)


def swallow(number: int) -> None:
    """Point a file descriptor at /dev/null: Python flushes its streams once more at its end."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
