"""Pause cyclic garbage collection while many values that stay are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def gc_paused() -> Iterator[None]:
    """Turn cyclic garbage collection off within the block.

    With 100,000 files it takes a fifth of the time, and it grows faster than their number.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
