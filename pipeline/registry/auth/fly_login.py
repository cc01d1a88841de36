"""Find Fly's token: in the environment, or in the login of flyctl."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ...process.capture import capture
from ...process.environ import FLY_TOKENS, for_flyctl
from ...process.paths import home, shown
from ...process.read_file import FileError, read_own
from .credential import Credential
from .fly_program import candidates

if TYPE_CHECKING:
    from collections.abc import Mapping

FLY_REGISTRY = "registry.fly.io"
FLY_USER = "x"
"""The user name that Fly's registry requires (flyctl `internal/command/auth`)."""

HELPER = "fly"
"""The name of our credential helper for Fly's registry: `docker-credential-fly`."""

_TIMEOUT = 30.0
"""Seconds: flyctl may renew its login over the network."""

_SCHEME = r"\s*(?:flyv1|bearer)\s+"
_MACAROON = ("fm1r_", "fm1a_", "fm2_")
_LINE = r"""^access_token:[ \t]*(["']?)(?P<token>[^"'#\n]*)\1[ \t]*$"""


def fly_registry(environ: Mapping[str, str]) -> str:
    """Return the host of Fly's registry as flyctl does: `FLY_REGISTRY_HOST`, or the public one."""
    return environ.get("FLY_REGISTRY_HOST") or FLY_REGISTRY


def bare(text: str) -> str:
    """Remove the scheme before a token, and spaces between its parts.

    >>> bare("FlyV1 fm2_a, fo1_c")
    'fm2_a,fo1_c'
    """
    while match := re.match(_SCHEME, text, re.IGNORECASE):
        text = text[match.end() :]
    return ",".join(token.strip() for token in text.split(",") if token.strip())


def fly_token(text: str) -> str:
    """Return a Fly token as its registry wants it: no scheme, only macaroons if there are any.

    flyctl does the same (fly-go `tokens.Docker`).

    >>> fly_token("FlyV1 fm2_a,fm2_b,fo1_c")
    'fm2_a,fm2_b'
    """
    tokens = bare(text).split(",")
    macaroons = [token for token in tokens if token.startswith(_MACAROON)]
    return ",".join(macaroons or tokens)


class FlyLogin(Struct, frozen=True):
    """A whole token without its scheme, as `fly auth token` prints it, and where it comes from."""

    token: str
    source: str

    def __repr__(self) -> str:
        """Leave out the token."""
        return f"{type(self).__name__}(source={self.source!r})"


def login(environ: Mapping[str, str]) -> FlyLogin | None:
    """Find the token for Fly's API: a variable of the environment, else flyctl's login."""
    for name in FLY_TOKENS:
        if text := bare(environ.get(name, "")):
            return FlyLogin(text, name)
    return _from_program(environ) or _from_file(environ)


def authorization(token: str, *, all_tokens: bool) -> str:
    """Make the header for Fly's API: macaroons as `FlyV1 …`, an OAuth token as `Bearer …`.

    The Machines API gets macaroons only, GraphQL `all_tokens` (fly-go `tokens/tokens.go`).
    """
    if not any(part.startswith(_MACAROON) for part in token.split(",")):
        return f"Bearer {token}"
    return f"FlyV1 {token if all_tokens else fly_token(token)}"


def variables_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tokens of all variables."""
    return tuple(text for name in FLY_TOKENS if (text := bare(environ.get(name, ""))))


def from_environment(environ: Mapping[str, str]) -> Credential | None:
    """Return the token in `FLY_ACCESS_TOKEN`, else in `FLY_API_TOKEN`: flyctl's order."""
    for name in FLY_TOKENS:
        if token := fly_token(environ.get(name, "")):
            return Credential(FLY_USER, token, name, helper=HELPER)
    return None


def from_flyctl(environ: Mapping[str, str]) -> Credential | None:
    """Return the login of flyctl: by asking flyctl, which renews it, else from its file."""
    found = _from_program(environ) or _from_file(environ)
    if found is None:
        return None
    return Credential(FLY_USER, fly_token(found.token), found.source, helper=HELPER)


def _from_program(environ: Mapping[str, str]) -> FlyLogin | None:
    """Ask `fly auth token --json`, which renews a login that is valid for five minutes.

    The command is deprecated, and there is no other (flyctl `internal/command/auth/token.go`).
    """
    answers = (_printed(program, environ) for program in candidates(environ))
    token = next((token for token in answers if token), "")
    return FlyLogin(token, "flyctl's login") if token else None


def _printed(program: str, environ: Mapping[str, str]) -> str:
    """Return the token that a program prints; "" where it has none, or is not flyctl."""
    try:
        done = capture([program, "auth", "token", "--json"], for_flyctl(environ), timeout=_TIMEOUT)
        token = json.loads(done.stdout)["token"] if not done.returncode else ""
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return bare(token) if isinstance(token, str) else ""


def _from_file(environ: Mapping[str, str]) -> FlyLogin | None:
    """Read the file of `fly auth login`, where the token is one line of plain YAML."""
    folder = environ.get("FLY_CONFIG_DIR")
    path = (Path(folder) if folder else home(environ) / ".fly") / "config.yml"
    try:
        match = re.search(_LINE, (read_own(path) or b"").decode(), re.MULTILINE)
    except (FileError, UnicodeDecodeError):
        return None
    token = bare(match["token"]) if match else ""
    return FlyLogin(token, f"flyctl's login {shown(path, environ)}") if token else None
