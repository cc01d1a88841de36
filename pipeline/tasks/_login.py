"""Log docker in to Fly's registry."""

from __future__ import annotations

import os

from ..runner.login import fly_credential, log_docker_in, name_helper
from ._say import tell


def run(
    *,
    helper: bool,
) -> int:
    """Store a token in docker's configuration, or name the credential helper there."""
    host, credential = fly_credential(os.environ)
    if helper:
        name_helper(host, os.environ)
        tell(f"docker asks `docker-credential-fly` for `{host}` from now on")
    else:
        log_docker_in(host, credential, os.environ)
        tell(f"docker is logged in to `{host}` with the token from {credential.source}")
    return 0
