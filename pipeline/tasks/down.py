"""`down`: stop what the driver `docker` runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ..errors import usage_error
from ._command import changes
from ._load import load_project
from ._options import ALLOW, PROFILE
from ._say import say

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    help={
        "all": "those of all projects on the engine, also without a label",
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@changes(see="status")
def down(_c: Context, *, all: bool = False, allow: Words = None, profile: str = "") -> int:  # noqa: A002 - its flag
    """Stop and remove what the driver `docker` runs of this project."""
    from ..buildkit.engine import connect  # noqa: PLC0415
    from ..deploy.docker.down import remove_all, remove_project  # noqa: PLC0415 - docker costs 90 ms
    from ..model.settings import DriverName  # noqa: PLC0415 - loaded late

    project = load_project(profile, allow)
    driver = project.settings.deploy.driver
    if driver is not DriverName.DOCKER:
        raise usage_error(
            f"`down` is for the driver `docker`, and these settings deploy with `{driver}`",
            hint="choose the profile whose containers shall go: `invoke down --profile local`",
        )
    with connect(os.environ) as client:
        ours = project.root, project.apps
        removed = remove_all(client) if all else remove_project(client, *ours)
    say(str(removed))
    return 0
