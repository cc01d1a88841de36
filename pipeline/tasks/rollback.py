"""`rollback`: put back image and configuration of the release before."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from invoke.tasks import task
from msgspec.structs import replace

from ..errors import FaultError
from ._apps import chosen_apps
from ._command import changes
from ._faults import tell_fault
from ._load import load_apps
from ._options import ALLOW, JSON, PROFILE
from ._say import console, write_json
from ._signals import stoppable

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "apps": "images or apps, commas between them, `*` allowed",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="releases")
def rollback(
    _c: Context, apps: str, *, json: bool = False, allow: Words = None, profile: str = ""
) -> int:
    """Put back image and configuration of the release before."""
    from ..console import apps as texts  # noqa: PLC0415 - loaded late
    from ..console import as_json  # noqa: PLC0415
    from ..console.errors import show_failures  # noqa: PLC0415
    from ..model.report import DeployStatus  # noqa: PLC0415
    from ..runner.rollback import roll_back  # noqa: PLC0415

    project = load_apps(profile, allow)
    names = chosen_apps(project, apps)
    with console() as report, stoppable() as stop:
        done = roll_back(project, names, os.environ, report, stop)
    if json:
        write_json(as_json.rollback_json(done.deploys))
    else:
        texts.print_rollback(done.deploys)
    # What a deploy would call a failure is what was asked for here.
    bad = tuple(d for d in done.deploys if d.status is not DeployStatus.ROLLED_BACK)
    rest = replace(done, deploys=bad)
    show_failures(rest, sys.stderr)
    if isinstance(done.error, FaultError):
        tell_fault(done.error.cause)
    return rest.exit_code
