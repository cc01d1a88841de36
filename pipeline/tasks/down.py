"""`down`: stop what the driver `docker` runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import usage_error
from pipeline.tasks.command import PROFILE, changes, load_project, say

if TYPE_CHECKING:
    from invoke.context import Context


@task(help={"profile": PROFILE})
@changes(see="status")
def down(_c: Context, profile: str = "") -> int:
    """Stop and remove all containers of the driver `docker`, with their front and network."""
    from pipeline.core.model import DriverName  # noqa: PLC0415 - loaded late
    from pipeline.edge.deploy.down import remove_all  # noqa: PLC0415 - docker costs 90 ms
    from pipeline.edge.engine import connect  # noqa: PLC0415

    driver = load_project(profile).settings.deploy.driver
    if driver is not DriverName.DOCKER:
        raise usage_error(
            f"`down` is for the driver `docker`, and these settings deploy with `{driver}`",
            hint="choose the profile whose containers shall go: `invoke down --profile local`",
        )
    with connect(os.environ) as client:
        count = remove_all(client)
    say(f"containers removed: {count}" if count else "nothing was running")
    return 0
