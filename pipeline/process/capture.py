"""Capture what a program prints: all of a short command, or the end of a long one."""

from __future__ import annotations

import os
import select
import subprocess
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .environ import ChildEnviron

MOST = 8 << 20
"""Bytes: a list of all files of a large repository, which Git prints, has a few millions."""
_BLOCK = 1 << 16


def capture(
    words: Sequence[str],
    environ: ChildEnviron,
    *,
    timeout: float,
    given: str = "",
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command `words` with `given` as its standard input; return what it printed.

    It runs in `folder`, else in the working directory.
    Of more than `MOST` bytes the last are kept; those that are not UTF-8 are replaced. Raises
    `OSError` where it cannot be started, and `subprocess.TimeoutExpired` after `timeout` seconds.
    For a command that the user wrote, which may leave processes behind, see `project.command`.
    """
    with drain(MOST) as out, drain(MOST) as err:
        done = subprocess.run(
            words,
            env=environ,
            input=given,
            cwd=folder,
            stdout=out.pipe,
            stderr=err.pipe,
            text=True,
            timeout=timeout,
            check=False,
        )
    return subprocess.CompletedProcess(words, done.returncode, _text(out), _text(err))


class Drain(Struct, frozen=True):
    """`pipe` is what a program writes to; `kept` has the end of it when the block is over."""

    pipe: IO[bytes]
    kept: bytearray


@contextmanager
def drain(most: int) -> Iterator[Drain]:
    """Read a pipe as fast as it is filled, and keep its last `most` bytes.

    However much a program prints, it fills neither memory nor disk.
    """
    there, here = os.pipe()
    ended, end = os.pipe()
    kept = bytearray()
    reader = threading.Thread(target=_read, args=(there, ended, kept, most), name="drain")
    reader.start()
    try:
        with os.fdopen(here, "wb", buffering=0) as pipe:
            yield Drain(pipe, kept)
    finally:
        os.close(end)
        reader.join()
        os.close(there)
        os.close(ended)


def _read(there: int, ended: int, kept: bytearray, most: int) -> None:
    """Read until no process can write, or the block is over, whoever still could."""
    while True:
        ready, _, _ = select.select([there, ended], [], [])
        # What was written before the end is in the pipe, which holds no more than one block.
        data = os.read(there, _BLOCK) if there in ready else b""
        kept += data
        if len(kept) > 2 * most:
            del kept[:-most]
        if not data or ended in ready:
            break
    del kept[:-most]


def _text(printed: Drain) -> str:
    return printed.kept.decode(errors="replace").replace("\r\n", "\n")
