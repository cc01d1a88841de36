"""`login`: docker, let in to Fly's registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import changes
from ._say import say

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "helper": "let docker ask `docker-credential-fly` each time, and keep no token that ends",
    },
)
@changes(see="doctor")
def login(_c: Context, *, helper: bool = False) -> int:
    """Log docker in to Fly's registry, as `fly auth docker` does."""
    from ..runner.login import fly_credential, log_docker_in, name_helper  # noqa: PLC0415 - loaded late

    host, credential = fly_credential(os.environ)
    if helper:
        name_helper(host, os.environ)
        say(f"docker asks `docker-credential-fly` for `{host}` from now on")
    else:
        log_docker_in(host, credential, os.environ)
        say(f"docker is logged in to `{host}` with the token from {credential.source}")
    return 0
