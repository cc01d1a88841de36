"""`keep`: keep images from being pruned by Fly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import ALLOW, ARG, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "only": "only these base images, app images or apps, separated by commas; `*` is allowed",
        "list_": "change nothing; list which images are kept, in which app, and since when",
        "release": "stop keeping these images or apps (`all` for all); Fly may prune them then",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@changes(see="keep --list", unless="list_")
def keep(  # noqa: PLR0913 - each an option of the command line
    _c: Context,
    only: str = "",
    *,
    list_: bool = False,
    release: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """Keep Fly from pruning bases and the images that `rollback` needs.

    The current image of every base, and the image of the previous release of every app, get a
    machine in their app that never starts. `fly deploy` ignores these machines. Each costs only the
    storage of its root file system ($0.15 per GB and month).
    """
    from ._keep import run

    return run(only, list_=list_, release=release, json=json, allow=allow, profile=profile, arg=arg)
