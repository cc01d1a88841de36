"""`status`: show what each app runs, and what it should run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, ARG, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "only": "only these images or apps, separated by commas; `*` is allowed",
        "exit_code": "exit with 5 if an app is neither current nor held",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
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
    arg: Words = None,
) -> int:
    """Show what each app runs, what it should run, and whether it is healthy."""
    from ._status import run

    return run(only, exit_code=exit_code, json=json, allow=allow, profile=profile, arg=arg)
