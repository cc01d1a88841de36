"""List the releases of an app."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..console import apps, as_json
from ..errors import usage_error
from ..runner.rollback import releases as ask
from ._choose import choose_apps, choose_unlisted, not_listed
from ._load import load_apps
from ._say import write_json

if TYPE_CHECKING:
    from ._command import Words


def run(
    app: str,
    *,
    limit: int,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Print the newest releases of one app."""
    if limit < 1:
        raise usage_error(f"`--limit {limit}` lists nothing", hint="write 1 or more")
    project = load_apps(profile, allow, look=True)
    names = choose_apps(project, app)
    if unlisted := choose_unlisted(project, app):
        raise not_listed(unlisted, "which app is meant")
    if len(names) != 1:
        raise usage_error(f"`{app}` matches {len(names)} apps, but must match one")
    found = ask(project, names[0], os.environ)[:limit]
    if json:
        write_json(as_json.releases_json(names[0], found))
    else:
        apps.print_releases(found)
    return 0
