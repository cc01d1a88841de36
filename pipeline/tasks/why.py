"""`why`: say which inputs of an image differ from an earlier one."""

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
        "only": "these images, separated by commas; without it, all that would be built",
        "against": "a Git revision, or a reference of the image, to compare with",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
        "verify": VERIFY,
    },
    iterable=["allow", "arg"],
)
@looks
def why(  # noqa: PLR0913 - each an option of the command line
    _c: Context,
    only: str = "",
    *,
    against: str = "",
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
    verify: str = "",
) -> int:
    """Show why images would be built or deployed: which inputs differ from earlier ones.

    An image is compared with the one that its apps run, else with the newest of the last 20 commits
    that the registry has.
    """
    from ._why import run

    return run(only, against, json=json, allow=allow, profile=profile, arg=arg, verify=verify)
