"""`plan`: show what `build-all` and `deploy-all` would do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import PLAN_HELP, PlanOptions

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "exit_code": "exit with 5 if there is something to do",
        **PLAN_HELP,
        "only_builds": "plan no deploys, and ask nothing of Fly but its registry",
    },
    iterable=["allow", "arg"],
)
@looks
def plan(  # noqa: PLR0913 - each an option of the command line
    _c: Context,
    *,
    exit_code: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    only_builds: bool = False,
    arg: Words = None,
) -> int:
    """Show what `build-all` and `deploy-all` would do, and why."""
    from ._plan import run

    options = PlanOptions(
        verify=verify, strict=strict, json=json, allow=allow, profile=profile, arg=arg
    )
    return run(options, only_builds=only_builds, exit_code=exit_code)
