"""Write `pipeline.lock`, or compare it with the registries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..runner.lock import affected, look_inside, look_up, moved, write
from ._load import check_look, load_project
from ._say import tell

if TYPE_CHECKING:
    from ._command import Words


MOVED = 5


def run(
    *,
    check: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Look up all external images; write the lock, or with `check` only compare."""
    project = load_project(profile, allow, arg)
    if check:
        check_look(project.settings)
    found = look_up(project, os.environ)
    changes = moved(project, found)
    for reference, before, now in changes:
        was = f"was `{before}`" if before else "was not locked"
        images = ", ".join(f"`{name}`" for name in affected(project, reference))
        tell(f"`{reference}` is `{now}`, and {was}; it affects {images}")
    if check:
        return _checked(len(changes), len(found))
    write(project, look_inside(project, found, os.environ))
    tell(f"pipeline.lock: {len(found)} externals, {len(changes)} of them new or moved")
    return 0


def _checked(changes: int, externals: int) -> int:
    tell(f"{changes} of {externals} externals are not as `pipeline.lock` has them")
    return MOVED if changes else 0
