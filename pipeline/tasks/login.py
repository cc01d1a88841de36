"""`login`: log docker in to Fly's registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "helper": "make docker ask `docker-credential-fly` each time; no token is stored",
    },
)
@changes(see="doctor")
def login(_c: Context, *, helper: bool = False) -> int:
    """Log docker in to Fly's registry, as `fly auth docker` does."""
    from ._login import run

    return run(helper=helper)
