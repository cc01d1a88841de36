"""`exists`: ask the registry for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, ARG, JSON, PROFILE, VERIFY

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "name": "an image of the project, or a full reference `host/repository:tag`",
        "verify": VERIFY,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@looks
def exists(
    _c: Context,
    name: str,
    *,
    verify: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """Ask the registry for an image; exit with 0 if it exists, 1 if not, 4 if that is unknown."""
    from ._exists import run

    return run(name, verify=verify, json=json, allow=allow, profile=profile, arg=arg)
