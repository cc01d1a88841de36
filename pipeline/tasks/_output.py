"""stdout and stderr while a task works: what cannot be written ends nothing that is under way."""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

    from ..console.terminal import Patient

READER_GONE, UNWRITTEN = 141, 4
"""What a shell says of a program that a closed pipe ended; and: could not find out, for a person
or a script who cannot read the answer."""


@contextmanager
def patient_output(*, keep: bool = False) -> Iterator[Patient]:
    """Write nothing more to a stream that has failed once; yields stdout, whose `error` says why.

    With `keep`, it also has all that was to be written, so that no report of work is lost.

    A closed stdout or stderr is taken by a file that swallows all: whatever is opened next would
    else be what children take for theirs.
    """
    from ..console.terminal import Patient  # noqa: PLC0415 - loaded late

    _take_closed()
    before = sys.stdout, sys.stderr
    out = Patient(_buffered(sys.stdout), kept=[] if keep else None)
    err = Patient(_buffered(sys.stderr))
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
        for number, stream in ((1, out), (2, err)):
            if stream.error:
                _swallow(number)


def unwritten(out: Patient) -> int:
    """How a task ends whose result could not be written, 0 where it was; the reason is told."""
    if out.error is None:
        return 0
    if isinstance(out.error, ConnectionError):
        return READER_GONE
    why = getattr(out.error, "strerror", None) or "it is closed"
    rest = "only its output is lost"
    if out.kept:
        from ..process.cleanup import keep_report  # noqa: PLC0415 - only when it is lost

        path = keep_report("".join(out.kept), os.environ)
        rest = f"its result is in `{path}`" if path else rest
    print(  # noqa: T201 - a task's words
        f"error: the result could not be written to stdout: {why.lower()}\n\n"
        f"hint: what the task had to do is done; {rest}",
        file=sys.stderr,
    )
    return UNWRITTEN


class _Waiting(io.FileIO):
    """A file that waits for room, also where whoever shares it made it non-blocking."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what there is room for, once there is any."""
        while (written := cast("int | None", super().write(data))) is None:
            select.select((), (self,), ())
        return written


def _buffered(stream: TextIO | None) -> TextIO | None:
    """The stream, with a buffer and patience where Python's own lacks one of the two.

    Without a buffer (PYTHONUNBUFFERED), it loses in silence what the system does not take at once.
    A pipe that is non-blocking, as Node.js leaves those that it shares, breaks it when it is full.
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
    except (OSError, ValueError):  # it is no file, or closed
        return False


def _take_closed() -> None:
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _swallow(number)


def _swallow(number: int) -> None:
    """Let what is written to a file of that number vanish: Python flushes once more at its end."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
