"""`rollback`: go back to the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import ALLOW, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "apps": "images or apps, separated by commas; `*` is allowed",
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
    """Restore image and configuration of the previous release."""
    from ._rollback import run

    return run(apps, json=json, allow=allow, profile=profile)
