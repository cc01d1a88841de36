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
        "app": "the app, or an image with only one app",
        "limit": "how many to list, the newest first (default: 25)",
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
    """List the releases of an app: version, status, time, image."""
    from ._releases import run

    return run(app, limit=limit, json=json, allow=allow, profile=profile)
