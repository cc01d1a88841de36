"""`why`: say which inputs of an image differ from an earlier one."""

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
        "only": "these images, separated by commas; without it, all that would be built",
        "against": "a Git revision, or a reference of the image, to compare with",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@looks
def why(
    _c: Context,
    only: str = "",
    *,
    against: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """Show why images would be built: which inputs differ from those of an earlier commit.

    Images are compared with the newest one that the registry has of the last 20 commits.
    """
    from ._why import run

    return run(only, against, json=json, allow=allow, profile=profile, arg=arg)
