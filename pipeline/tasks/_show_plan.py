"""Print a plan."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..console import as_json, show
from ..console.errors import show_warnings
from ..runner.preflight import unmet
from ._say import warn, write_json

if TYPE_CHECKING:
    from ..model.plan import Plan


def show_plan(plan: Plan, *, json: bool) -> None:
    """Print a plan to stdout, and its warnings to stderr.

    Missing secrets and missing permissions are only warnings here: a plan can be made by somebody
    who has neither.
    """
    warn(plan.project, plan.warnings)
    missing = unmet(plan, os.environ)
    show_warnings(missing, sys.stderr)
    plan = replace(plan, warnings=(*plan.warnings, *missing))
    if json:
        write_json(as_json.plan_json(plan))
    else:
        show.print_plan(plan)
