"""`releases`: list an app's releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "app": "the app, or an image that has one alone",
        "limit": "at most so many, the newest first",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def releases(
    _c: Context,
    app: str,
    *,
    limit: int = 25,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """List an app's releases: version, status, when, image."""
    from ._releases import run

    return run(app, limit=limit, json=json, allow=allow, profile=profile)
