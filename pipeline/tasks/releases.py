"""`releases`: an app's releases, the newest first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ..errors import usage_error
from ._apps import chosen_apps, not_asked, unasked_images
from ._command import looks
from ._load import load_apps
from ._options import ALLOW, JSON, PROFILE
from ._say import write_json

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
    from ..console import apps, as_json  # noqa: PLC0415 - loaded late
    from ..runner.rollback import releases as ask  # noqa: PLC0415

    if limit < 1:
        raise usage_error(f"`--limit {limit}` lists nothing", hint="write 1 or more")
    project = load_apps(profile, allow, look=True)
    names = chosen_apps(project, app)
    if unasked := unasked_images(project, app):
        raise not_asked(unasked, "which app is meant")
    if len(names) != 1:
        raise usage_error(f"`{app}` is {len(names)} apps, and one is wanted")
    found = ask(project, names[0], os.environ)[:limit]
    if json:
        write_json(as_json.releases_json(names[0], found))
    else:
        apps.print_releases(found)
    return 0
