"""The program `docker-credential-fly`: give docker a fresh Fly token each time that it asks.

`invoke login` names it in docker's `config.json`:

    {"credHelpers": {"registry.fly.io": "fly"}}

The protocol is Docker's (docker/docker-credential-helpers, `credentials/credentials.go`): a verb,
a server on standard input, JSON or a sentence on standard output. Nothing is stored: the token is
that of the environment or of flyctl.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ...http.text import plain
from .fly_login import FLY_USER, fly_registry, from_environment, from_flyctl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credential import Credential

NOT_FOUND = "credentials not found in native keychain"
"""The text by which docker recognizes that there is no credential."""

_NO_SERVER = "no credentials server URL"
"""The text by which docker recognizes that no server was given."""

_VERBS = "get, list, store, erase and version"
_KEEPS_NOTHING = "docker-credential-fly stores no logins: it returns Fly's own tokens"


def main() -> int:
    """Answer one call by docker."""
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    said = "" if verb in ("", "list", "version") else sys.stdin.read().strip()
    code, answered = answer(verb, said, os.environ)
    if answered:
        sys.stdout.write(f"{answered}\n")
    return code


def answer(verb: str, said: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code and the output for a verb and the text of standard input.

    >>> answer("get", "registry.fly.io", {"FLY_API_TOKEN": "fm2_a"})
    (0, '{"ServerURL": "registry.fly.io", "Username": "x", "Secret": "fm2_a"}')
    """
    match verb:
        case "get":
            return _get(said, environ)
        case "list":
            known = _token(environ)
            return 0, json.dumps({fly_registry(environ): FLY_USER} if known else {})
        case "store":
            return _store(said, environ)
        case "erase":
            # `docker logout`: there is nothing to forget.
            return (0, "") if said else (1, _NO_SERVER)
        case "version":
            from importlib.metadata import version  # noqa: PLC0415 - costs as much as an answer

            return 0, f"docker-credential-fly {version('fly-image-pipeline')}"
    return 1, f"docker-credential-fly knows {_VERBS}; Docker calls it, you need not"


def _get(server: str, environ: Mapping[str, str]) -> tuple[int, str]:
    if not server:
        return 1, _NO_SERVER
    found = _token(environ) if _is_fly(server, environ) else None
    if found is None:
        return 1, NOT_FOUND
    return 0, json.dumps({"ServerURL": server, "Username": FLY_USER, "Secret": found.secret})


def _store(said: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """Answer `docker login`, which asks to store a login.

    That of Fly's registry need not be stored, as it is looked up anew; any other would be lost.
    """
    server = _server(said)
    if not server:
        return 1, _NO_SERVER
    if not _is_fly(server, environ):
        return 1, f"{_KEEPS_NOTHING}; take another `credsStore` for `{plain(server)}`"
    if _token(environ) is None:
        return 1, f"{_KEEPS_NOTHING}; set FLY_API_TOKEN, or run `fly auth login`"
    return 0, ""


def _server(said: str) -> str:
    try:
        return str(json.loads(said)["ServerURL"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _is_fly(server: str, environ: Mapping[str, str]) -> bool:
    return server.removeprefix("https://").partition("/")[0] == fly_registry(environ)


def _token(environ: Mapping[str, str]) -> Credential | None:
    return from_environment(environ) or from_flyctl(environ)
