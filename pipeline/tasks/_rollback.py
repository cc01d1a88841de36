"""Roll apps back to the release before."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..console import apps as texts
from ..console import as_json
from ..console.errors import show_failures
from ..errors import FaultError
from ..model.report import DeployStatus
from ..runner.rollback import roll_back
from ._choose import choose_apps
from ._faults import print_fault
from ._load import load_apps
from ._say import console, write_json
from ._signals import stoppable

if TYPE_CHECKING:
    from ._command import Words


def run(
    apps: str,
    to: str,
    *,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Roll the apps back, to release `to` or the one before; print how each ended.

    Returns the exit code.
    """
    project = load_apps(profile, allow)
    names = choose_apps(project, apps)
    with console() as report, stoppable() as stop:
        done = roll_back(project, names, os.environ, report, stop, to)
    if json:
        write_json(as_json.rollback_json(done.deploys))
    else:
        texts.print_rollback(done.deploys)
    # What a deploy would call a failure is what was asked for here.
    bad = tuple(d for d in done.deploys if d.status is not DeployStatus.ROLLED_BACK)
    rest = replace(done, deploys=bad)
    show_failures(rest, sys.stderr)
    if isinstance(done.error, FaultError):
        print_fault(done.error.cause)
    return rest.exit_code
