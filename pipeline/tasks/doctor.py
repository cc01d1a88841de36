"""`doctor`: check what works, and say what to do about the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import looks
from ._options import ALLOW, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(help={"json": JSON, "allow": ALLOW, "profile": PROFILE}, iterable=["allow"])
@looks
def doctor(_c: Context, *, json: bool = False, allow: Words = None, profile: str = "") -> int:
    """Check project, engine, buildx, registry, credentials, flyctl; say how to fix them."""
    from ._doctor import run

    return run(json=json, allow=allow, profile=profile)
