"""`rollback`: go back to the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._options import ALLOW, JSON, PROFILE

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "apps": "images or apps, separated by commas; `*` is allowed",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
        "to": "the number of the release to go back to, as `releases` lists it; for one app",
    },
    iterable=["allow"],
)
@changes(see="releases")
def rollback(
    _c: Context,
    apps: str,
    *,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    to: str = "",
) -> int:
    """Restore image and configuration of an earlier release, and hold the app there.

    That is the previous release, or `--to` another; a second rollback goes back one more. The app
    is held: `deploy-all` does not deploy again what was left, until the wanted image or its
    configuration changes, or with `--force`.
    """
    from ._rollback import run

    return run(apps, to.strip().removeprefix("v"), json=json, allow=allow, profile=profile)
