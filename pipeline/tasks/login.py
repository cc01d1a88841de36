"""`login`: log docker in to Fly's registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "helper": "make Docker ask `docker-credential-fly` each time; no token is stored",
    },
)
@changes(see="doctor")
def login(_c: Context, *, helper: bool = False) -> int:
    """Log Docker in to Fly's registry, like `fly auth docker`."""
    from ._login import run

    return run(helper=helper)
