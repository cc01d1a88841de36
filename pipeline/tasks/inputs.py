"""`inputs`: show what an image's fingerprint is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, ARG, JSON, PROFILE, STRICT

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "name": "the image",
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "arg": ARG,
    },
    iterable=["allow", "arg"],
)
@looks
def inputs(
    _c: Context,
    name: str,
    *,
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
) -> int:
    """List everything that goes into the fingerprint of an image."""
    from ._inputs import run

    return run(name, strict=strict, json=json, allow=allow, profile=profile, arg=arg)
