"""Ask a credential helper of docker: `docker-credential-NAME get`, a server on stdin, JSON out.

Source: docker/docker-credential-helpers, `client/command.go` and `credentials/credentials.go`.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

from ...http.text import plain
from ...process.capture import capture
from ...process.environ import find_program, for_docker
from ..errors import CredentialError
from .credential import IDENTITY_USER, Credential, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = r"[A-Za-z0-9_-]+"
_NOT_FOUND = "credentials not found in native keychain"
TIMEOUT = 30.0
"""Seconds: a helper may ask the keychain, which may ask a person."""


def get(
    name: str, server: str, environ: Mapping[str, str], *, timeout: float = TIMEOUT
) -> Credential | None:
    """Ask the helper `name` for the credential of `server`; `None` where it has none.

    Raises `CredentialError` where the helper is missing, does not answer within `timeout` seconds,
    answers something else, or fails for another reason.
    """
    if not re.fullmatch(_NAME, name):
        raise CredentialError(
            "docker's configuration names a credential helper that cannot be one",
            hint="correct `credsStore` and `credHelpers` in docker's configuration",
        )
    program = f"docker-credential-{name}"
    done = _run(program, server, environ, timeout)
    output = done.stdout.strip()
    if done.returncode == 0:
        return _credential(program, output)
    if output == _NOT_FOUND:
        return None
    # Whatever looks like an answer may hold the secret.
    said = "" if "{" in output else plain(output or done.stderr)
    raise CredentialError(
        f"the credential helper `{program}` failed" + (f": {said}" if said else ""),
        hint=f"log in again, or try it by hand: `echo {server} | {program} get`",
    )


def _run(
    program: str, server: str, environ: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    file = find_program(program, environ)
    if file is None:
        raise CredentialError(
            f"docker's configuration names the credential helper `{program}`, which is not on PATH",
            hint="install it, or remove `credsStore` and `credHelpers` in docker's configuration",
        )
    try:
        return capture([file, "get"], for_docker(environ), timeout=timeout, given=server)
    except (OSError, subprocess.TimeoutExpired):
        raise CredentialError(
            f"the credential helper `{program}` did not answer",
            hint=f"try it by hand: `echo {server} | {program} get`",
        ) from None


def _credential(program: str, output: str) -> Credential | None:
    try:
        answer = json.loads(output)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CredentialError(
            f"the answer of the credential helper `{program}` is not a credential",
            hint="log in again, or remove the helper in docker's configuration",
        ) from None
    if not secret:
        return None
    kind = Kind.IDENTITY_TOKEN if user == IDENTITY_USER else Kind.PASSWORD
    return Credential(user, secret, f"credential helper {program}", kind, known_to_docker=True)
