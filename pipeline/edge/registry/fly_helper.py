"""`docker-credential-fly`: a Fly token for docker, fresh each time that docker asks.

    {"credHelpers": {"registry.fly.io": "fly"}}

stands in docker's `config.json` for it; `invoke login` writes that.

The protocol is Docker's (docker/docker-credential-helpers, `credentials/credentials.go`): a verb,
a server on standard input, JSON or a sentence on standard output. Nothing is ever stored: the
token is the environment's or flyctl's own.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from pipeline.edge.registry.fly_login import (
    FLY_USER,
    fly_registry,
    from_environment,
    from_flyctl,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FOUND = "credentials not found in native keychain"
"""What docker takes for "I know nothing of it", word for word."""

_VERBS = "get, list, store and erase"


def main() -> int:
    """Answer one call of docker's."""
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    server = "" if verb == "list" else sys.stdin.read().strip()
    code, said = answer(verb, server, os.environ)
    if said:
        sys.stdout.write(f"{said}\n")
    return code


def answer(verb: str, server: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """The exit code and the output for a verb.

    >>> answer("get", "registry.fly.io", {"FLY_API_TOKEN": "fm2_a"})
    (0, '{"ServerURL": "registry.fly.io", "Username": "x", "Secret": "fm2_a"}')
    """
    if verb == "get":
        return _get(server, environ)
    if verb == "list":
        return 0, json.dumps({fly_registry(environ): FLY_USER})
    if verb in ("store", "erase"):
        # `docker login` and `logout` say it; there is nothing to keep and nothing to forget.
        return 0, ""
    return 1, f"docker-credential-fly knows {_VERBS}, and not `{verb}`"


def _get(server: str, environ: Mapping[str, str]) -> tuple[int, str]:
    host = server.removeprefix("https://").partition("/")[0]
    found = None
    if host == fly_registry(environ):
        found = from_environment(environ) or from_flyctl(environ)
    if found is None:
        return 1, NOT_FOUND
    return 0, json.dumps({"ServerURL": server, "Username": FLY_USER, "Secret": found.secret})
