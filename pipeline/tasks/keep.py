"""`keep`: keep images from being pruned by Fly."""

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
        "only": "only these base images, app images or apps, commas between them, `*` allowed",
        "list_": "change nothing: list what is kept, in which app, since when",
        "release": "stop keeping these images or apps (`all` for all): Fly may prune them",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="keep --list", unless="list_")
def keep(
    _c: Context,
    only: str = "",
    *,
    list_: bool = False,
    release: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Keep base images, and what `rollback` needs, from being pruned by Fly.

    Each is tied to a machine of its app that never starts: the current image of every base, and the
    image of every app's release before. `fly deploy` leaves these machines alone. One costs the
    storage of its root file system ($0.15 per GB and month), and no more.
    """
    from ._keep import run

    return run(only, list_=list_, release=release, json=json, allow=allow, profile=profile)
