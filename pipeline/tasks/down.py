"""`down`: stop what the driver `docker` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import ALLOW, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "all": "remove the containers of all projects on the engine",
        "allow": ALLOW,
        "profile": PROFILE,
        "orphans": "remove only the apps that the project deployed and no image has any more",
    },
    iterable=["allow"],
)
@changes(see="status")
def down(
    _c: Context,
    *,
    all: bool = False,  # noqa: A002 - its flag
    allow: Words = None,
    profile: str = "",
    orphans: bool = False,
) -> int:
    """Stop and remove the containers that the driver `docker` runs for this project."""
    from ._down import run

    return run(all_projects=all, orphans=orphans, allow=allow, profile=profile)
