"""`status`, `releases` and `rollback`: what apps run, ran, and shall run again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ._apps import chosen_apps, unasked_images
from ._command import looks
from ._load import load_apps
from ._options import ALLOW, JSON, PROFILE
from ._say import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from ..model.status import AppStatus
    from ._command import Words


UNKNOWN, NOT_CURRENT = 4, 5


@task(
    help={
        "only": "only these images or apps, commas between them, `*` allowed",
        "exit_code": "end with 5 when an app is not current",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def status(
    _c: Context,
    only: str = "",
    *,
    exit_code: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Say what each app runs, and what it should: current, outdated, unhealthy, missing."""
    from ..console import apps, as_json  # noqa: PLC0415 - loaded late
    from ..runner.status import status as ask  # noqa: PLC0415

    project = load_apps(profile, allow, look=True)
    names, unasked = chosen_apps(project, only), unasked_images(project, only)
    found = ask(project, names, os.environ, unasked)
    if json:
        write_json(as_json.status_json(found))
    else:
        apps.print_status(found)
    return _status_code(found, exit_code=exit_code)


def _status_code(found: Sequence[AppStatus], *, exit_code: bool) -> int:
    from ..model.status import AppState  # noqa: PLC0415 - loaded late

    states = {status.state for status in found if status.app}
    if AppState.UNKNOWN in states:
        return UNKNOWN
    if not exit_code:
        return 0
    if states - {AppState.CURRENT}:
        return NOT_CURRENT
    return 0 if all(status.app for status in found) else UNKNOWN
