"""`lock`: pin external images, and say which have moved."""

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
        "check": "change nothing; print which images have moved, and exit with 5 if there are any",
        "update": "only these externals, separated by commas, such as `debian`; the others stay",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@changes(see="lock --check", unless="check")
def lock(
    _c: Context,
    *,
    check: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
    update: str = "",
    json: bool = False,
) -> int:
    """Pin the external images by their current digests, in `pipeline.lock`."""
    from ._lock import run

    return run(check=check, update=update, json=json, allow=allow, profile=profile, arg=arg)
