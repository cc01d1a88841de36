"""What a program prints, its end alone: however much it is, it fills no memory and no disk."""

from __future__ import annotations

import os
import select
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 16


class Drained(NamedTuple):
    """`pipe` is where the program writes; `kept` has the end of it when the block is over."""

    pipe: IO[bytes]
    kept: bytearray


@contextmanager
def drained(most: int) -> Iterator[Drained]:
    """A pipe that is read as fast as it is filled; its last `most` bytes stay."""
    there, here = os.pipe()
    ended, end = os.pipe()
    kept = bytearray()
    reader = threading.Thread(target=_drain, args=(there, ended, kept, most), name="drain")
    reader.start()
    try:
        with os.fdopen(here, "wb", buffering=0) as pipe:
            yield Drained(pipe, kept)
    finally:
        os.close(end)
        reader.join()
        os.close(there)
        os.close(ended)


def _drain(there: int, ended: int, kept: bytearray, most: int) -> None:
    """Read until nobody can write; who is left at the end of the block is not waited for."""
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
