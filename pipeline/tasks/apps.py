"""`apps`: create the Fly apps that are missing."""

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
        "check": "create nothing; print which apps are missing, and exit with 5 if there are any",
        "generate_name": "generate a name, and create the app, for each `fly.toml` without `app`",
        "save": "write the generated names into `fly.toml`",
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="apps --check", unless="check")
def apps(
    _c: Context,
    *,
    check: bool = False,
    generate_name: bool = False,
    save: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Create the missing Fly apps, also those that only hold the repository of a base.

    At Fly, a repository belongs to an app, and exists only if the app does. New apps are created in
    the organization `[fly] org`, else FLY_ORG, else the only one that the token reaches.
    """
    from ._create_apps import run

    return run(
        check=check, generate_name=generate_name, save=save, json=json, allow=allow, profile=profile
    )
