"""Write `pipeline.lock`, or compare it with the registries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import as_json
from ..console.lock import print_lock
from ..errors import ConfigError
from ..model.cost import Known
from ..model.why import Side
from ..runner.lock import choose_externals, look_inside, look_up, moved, with_versions, write
from ._load import check_look, load_project, with_known_apps
from ._say import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.moves import Move
    from ..model.project import Project
    from ..reference import Reference
    from ._command import Words


MOVED = 5


def run(
    *,
    check: bool,
    update: str,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Look up external images; write the lock, or with `check` only compare."""
    project = load_project(profile, allow, arg)
    if check:
        check_look(project.settings)
    found = look_up(project, os.environ, _chosen(project, update))
    moves = with_versions(project, moved(project, found), found, os.environ)
    if not check:
        write(project, look_inside(project, found, os.environ))
    known = _costs(project, moves) if check and moves else Known()
    if json:
        write_json(as_json.lock_json(moves, known, externals=len(found), written=not check))
    else:
        print_lock(moves, known, externals=len(found), written=not check)
    return MOVED if check and moves else 0


def _costs(project: Project, moves: Sequence[Move]) -> Known:
    """Look up what it takes to build and deploy what moved externals reach."""
    from ..fingerprints.fingerprint import fingerprint
    from ..runner.costs import known_costs

    names = frozenset(name for move in moves for name in move.images)
    try:
        project, _ = with_known_apps(project)
        side = Side(project, fingerprint(project, only=names))
    except ConfigError:  # A file that is not there yet: builds say so, and nothing else is wrong.
        return Known()
    return known_costs([side], names, os.environ)


def _chosen(project: Project, update: str) -> tuple[Reference, ...] | None:
    """Return the externals of `--update`; all without it."""
    words = [word.strip() for word in update.split(",") if word.strip()]
    return choose_externals(project, words) if words else None
