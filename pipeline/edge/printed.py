"""What a command of the user's prints: it is run without a shell, and not for ever."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.core.masking import masker
from pipeline.edge.leftovers import nameless_file
from pipeline.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

TIMEOUT = 60.0
"""Seconds that a command may take."""
_LAST_LINES = 5


def printed_by(
    words: Sequence[str], cwd: Path, environ: Mapping[str, str], *, timeout: float = TIMEOUT
) -> str:
    """What the command writes to its standard output.

    Raises `UnknownError` where it cannot be started, does not end within `timeout` seconds, or
    ends with another code than 0; the last lines of its standard error are in the message.
    """
    # Files and no pipes: one that it leaves behind could keep a pipe open.
    with nameless_file(environ) as out, nameless_file(environ) as err:
        code = _run(words, cwd, environ, timeout, (out, err))
        if code:
            from pipeline.edge.registry import known_secrets  # noqa: PLC0415 - the edge is opened late

            lines = _text(err).strip().splitlines()[-_LAST_LINES:]
            said = masker(known_secrets(environ))("".join(f"\n{line}" for line in lines))
            raise UnknownError(f"`{words[0]}` ended with {code}{':' if said else ''}{said}")
        return _text(out)


def _run(
    words: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    timeout: float,
    files: tuple[IO[bytes], IO[bytes]],
) -> int:
    out, err = files
    try:
        child = subprocess.Popen(
            words,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise UnknownError(f"`{words[0]}` could not be started: {why}") from None
    try:
        return child.wait(timeout)
    except subprocess.TimeoutExpired:
        raise UnknownError(f"`{words[0]}` took longer than {timeout:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # it, or whoever it left behind
        child.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
