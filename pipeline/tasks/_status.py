"""Compare what apps run with what they should run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import apps, as_json
from ..model.status import AppState
from ..runner.status import status as ask
from ._choose import choose_apps, choose_unlisted
from ._load import load_apps
from ._say import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.status import AppStatus
    from ._command import Words


UNKNOWN, NOT_CURRENT = 4, 5


def run(
    only: str,
    *,
    exit_code: bool,
    json: bool,
    allow: Words,
    profile: str,
    arg: Words,
) -> int:
    """Print the status of each app, and return the exit code."""
    project = load_apps(profile, allow, arg, look=True)
    names, unlisted = choose_apps(project, only), choose_unlisted(project, only)
    found = ask(project, names, os.environ, unlisted)
    orphans = () if only else found.orphans
    if json:
        write_json(as_json.status_json(found.apps, orphans))
    else:
        apps.print_status(found.apps, orphans=orphans)
    return _status_code(found.apps, exit_code=exit_code)


def _status_code(found: Sequence[AppStatus], *, exit_code: bool) -> int:
    states = {status.state for status in found if status.app}
    if AppState.UNKNOWN in states:
        return UNKNOWN
    if not exit_code:
        return 0
    if states - {AppState.CURRENT, AppState.HELD}:
        return NOT_CURRENT
    return 0 if all(status.app for status in found) else UNKNOWN
