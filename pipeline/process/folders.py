"""Go down folders step by step, in folders that are open: no link on the way is followed.

A path that was looked at a moment ago may lead elsewhere now. A folder that is opened from the open
one that it lies in (`openat(2)`) is the one that was meant, or none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
STEP = FOLDER | os.O_NOFOLLOW


def descend(here: int, names: Iterable[str]) -> int:
    """Open the folder that `names` lead to from the open folder `here`, which is closed.

    Raises `OSError`, ELOOP or ENOTDIR for a link on the way.
    """
    for name in names:
        try:
            below = os.open(name, STEP, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here
