"""`down`: stop what the driver `docker` runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from pipeline.errors import usage_error
from pipeline.tasks.command import (
    ALLOW,
    PROFILE,
    changes,
    load_project,
    say,
)
from pipeline.tasks.deploying import app_names

if TYPE_CHECKING:
    from invoke.context import Context

    from pipeline.tasks.command import Words


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
    from pipeline.core.model import DriverName  # noqa: PLC0415 - loaded late
    from pipeline.edge.deploy.down import remove_all, remove_project  # noqa: PLC0415 - docker costs 90 ms
    from pipeline.edge.engine import connect  # noqa: PLC0415

    project = load_project(profile, allow)
    driver = project.settings.deploy.driver
    if driver is not DriverName.DOCKER:
        raise usage_error(
            f"`down` is for the driver `docker`, and these settings deploy with `{driver}`",
            hint="choose the profile whose containers shall go: `invoke down --profile local`",
        )
    with connect(os.environ) as client:
        if all:
            removed = remove_all(client)
        else:
            removed = remove_project(client, project.root, app_names(project))
    say(str(removed))
    return 0
