"""`promote`: put an image under other tags or repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import ALLOW, ARG, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    positional=["name", "destination"],
    help={
        "name": "an image of the project, or a full reference `host/repository:tag`",
        "destination": "`:tag`, `repository:tag` on the project's registry, or a full reference; "
        "separate several by commas",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@changes(see="exists")
def promote(
    _c: Context,
    name: str,
    destination: str,
    *,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """Copy an image to another tag or app without pulling it."""
    from ._promote import run

    return run(name, destination, json=json, allow=allow, profile=profile, arg=arg)
