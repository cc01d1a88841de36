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
        "check": "create nothing: say what is missing, and end with 5 if anything is",
        "generate_name": "create an app with a generated name for each `fly.toml` without `app`",
        "save": "write generated names into `fly.toml`",
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
    """Create the Fly apps that are missing: to deploy to, and to push to.

    At Fly a repository is an app's, and there is none before the app. New ones belong
    to `[fly] org`, else to FLY_ORG, else to the only organization that the token reaches.
    """
    from ._create_apps import run

    return run(
        check=check, generate_name=generate_name, save=save, json=json, allow=allow, profile=profile
    )
