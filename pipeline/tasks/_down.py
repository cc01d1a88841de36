"""Remove the containers that the driver `docker` runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..buildkit.engine import connect
from ..deploy.docker.down import remove_all, remove_project
from ..errors import usage_error
from ..model.settings import DriverName
from ._load import load_apps, load_project
from ._say import tell

if TYPE_CHECKING:
    from ._command import Words


def run(
    *,
    all_projects: bool,
    orphans: bool,
    allow: Words,
    profile: str,
) -> int:
    """Remove the containers of the project, of its orphans alone, or of every project."""
    if all_projects and orphans:
        raise usage_error("`--all` and `--orphans` exclude each other")
    project = load_apps(profile, allow) if orphans else load_project(profile, allow)
    driver = project.settings.deploy.driver
    if driver is not DriverName.DOCKER:
        raise usage_error(
            f"`down` is for the driver `docker`, and these settings deploy with `{driver}`",
            hint="choose the profile whose containers to remove: `invoke down --profile local`",
        )
    kept = project.apps if orphans else ()
    with connect(os.environ) as client:
        ours = project.root, project.apps
        removed = remove_all(client) if all_projects else remove_project(client, *ours, kept=kept)
    tell(str(removed))
    return 0
