"""Log docker in to Fly's registry: as `fly auth docker` does, or with our credential helper."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from ..errors import UnknownError, WorkError
from ..model.masking import masker
from ..process.capture import capture
from ..process.environ import FLY_TOKENS, find_program, for_docker
from ..registry.auth import change_configuration, docker_login
from ..registry.auth.keychain import fly_credentials
from ..registry.auth.namespace import Namespace
from ..registry.client import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..registry.auth.credential import Credential
    from ..registry.auth.docker_login import JsonObject

_TIMEOUT = 60.0


def fly_credential(environ: Mapping[str, str]) -> tuple[str, Credential]:
    """Return Fly's registry, and a token that it has just accepted. Raises `UnknownError`."""
    host, source = fly_credentials(environ)
    found = source(Namespace(host))
    if found is None:
        hint = "set FLY_API_TOKEN (`fly tokens create org` makes one), or run `fly auth login`"
        raise UnknownError("there is no Fly token", hint=hint)
    with Registry(credentials=source) as registry:
        registry.ping(host)
    return host, found


def log_docker_in(host: str, credential: Credential, environ: Mapping[str, str]) -> None:
    """Give docker the token, on its standard input. Raises `UnknownError` or `WorkError`."""
    docker = find_program("docker", environ)
    if docker is None:
        raise UnknownError(
            "there is no `docker` on PATH", hint="`invoke login --helper` needs none"
        )
    command = [docker, "login", f"--username={credential.username}", "--password-stdin", "--", host]
    with ExitStack() as stack:
        with suppress(OSError):  # docker itself reports what is wrong with the folder
            stack.enter_context(change_configuration.locked(environ))
        try:
            # Docker may pass it to our own helper, which checks that it can find it again.
            done = capture(
                command, for_docker(environ, FLY_TOKENS), timeout=_TIMEOUT, given=credential.secret
            )
        except (OSError, subprocess.TimeoutExpired):
            raise UnknownError("`docker login` did not answer") from None
    if done.returncode:
        said = masker(credential.forms)(done.stderr).strip().splitlines()
        raise WorkError(f"`docker login` failed: {said[-1] if said else 'it does not say why'}")


def name_helper(host: str, environ: Mapping[str, str]) -> Path:
    """Name `docker-credential-fly` in docker's configuration, and keep the rest of it.

    The token of an earlier login to `host` is removed, as nothing would read it any more.
    Raises `WorkError` if docker would not find the helper, and `UnknownError` if the configuration
    cannot be read.
    """
    if find_program("docker-credential-fly", environ) is None:
        hint = "put the folder where this package's scripts are installed on PATH"
        raise WorkError("`docker-credential-fly` is not on PATH, where docker looks", hint=hint)
    return change_configuration.change_configuration(
        environ, lambda written: _helped(written, host)
    )


def _helped(written: JsonObject, host: str) -> JsonObject:
    """Return docker's configuration with our helper as the one for `host`."""
    changed: JsonObject = {**written}
    changed["credHelpers"] = {**docker_login.section(written, "credHelpers"), host: "fly"}
    if "auths" in written:
        changed["auths"] = docker_login.without(docker_login.section(written, "auths"), host)
    return changed
