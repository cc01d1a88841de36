"""Read docker's `config.json`: the logins of `docker login`, credential helpers, proxies.

The order is docker/cli's (`cli/config/configfile`, `cli/config/credentials`), with two exceptions:
`auths` is also read where a store has no login (flyctl writes there whatever the store), and any
alphabet of base64 is accepted (flyctl without docker writes the URL-safe one). A login that docker
itself would not find is marked, so that BuildKit gets it from us.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ...process.paths import home, shown
from ...process.read_file import FileError, read_own
from ...reference import HUB, HUB_NAMES, is_hub
from ..errors import CredentialError
from . import ask_helper
from .credential import Credential, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB_KEY = "https://index.docker.io/v1/"
"""The key of Docker Hub's login."""

_HUB_INDEX = f"index.{HUB}"
ENVIRONMENT = "DOCKER_AUTH_CONFIG"
_PROXIES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
}
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"
JsonObject = dict[str, object]


def configuration_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of docker's configuration: `DOCKER_CONFIG`, else `~/.docker`."""
    folder = environ.get("DOCKER_CONFIG")
    return Path(folder) if folder else home(environ) / ".docker"


def configuration_file(environ: Mapping[str, str]) -> Path:
    """Return the path of docker's `config.json`."""
    return configuration_folder(environ) / "config.json"


def read_configuration(environ: Mapping[str, str]) -> JsonObject:
    """Read docker's `config.json`; empty where there is none. Raises `CredentialError`."""
    return read_file(configuration_file(environ), environ)


def read_file(path: Path, environ: Mapping[str, str]) -> JsonObject:
    """Read a file of the same form; empty where there is none. Raises `CredentialError`."""
    what = f"`{shown(path, environ)}`"
    try:
        content = read_own(path)
        text = "" if content is None else content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CredentialError(f"{what} is not UTF-8", hint="repair it, or move it away") from None
    except FileError as error:
        hint = "correct its permissions, or move it away"
        raise CredentialError(f"{what} {error.what}", hint=hint) from None
    return _parse(text, what)


def read_environment(environ: Mapping[str, str]) -> JsonObject:
    """Read the configuration in `DOCKER_AUTH_CONFIG`; empty where there is none."""
    return _parse(environ.get(ENVIRONMENT, ""), f"`{ENVIRONMENT}`")


def from_environment(environ: Mapping[str, str], host: str) -> Credential | None:
    """Look up a credential in `DOCKER_AUTH_CONFIG`, which docker before 28 does not read."""
    entry = entry_of(section(read_environment(environ), "auths"), host)
    return credential_of(entry, ENVIRONMENT)


def from_configuration(environ: Mapping[str, str], host: str) -> Credential | None:
    """Look up a credential in docker's configuration, or ask the helper that it names."""
    configuration = read_configuration(environ)
    path = configuration_folder(environ) / "config.json"
    source = f"docker configuration {shown(path, environ)}"
    name = helper_name(configuration, host)
    if name and (credential := ask_helper.get(name, server_key(host), environ)):
        return credential
    auths = section(configuration, "auths")
    # Docker stops at the first entry that it cannot read, in no order: it may find none of them.
    known = not name and all(map(docker_reads, auths.values())) and _docker_finds(auths, host)
    return credential_of(entry_of(auths, host), source, known_to_docker=known)


def docker_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments that buildx makes of the `proxies` in docker's configuration.

    They are those of the engine's address, else of `default` (docker/cli
    `ConfigFile.ParseProxyConfig`, buildx `GetProxyConfig`). Raises `CredentialError`.
    """
    configured = section(read_configuration(environ), "proxies")
    host = environ.get("DOCKER_HOST") or _DEFAULT_ENGINE
    chosen = configured[host] if host in configured else configured.get("default")
    found = chosen if isinstance(chosen, dict) else {}
    return {name: str(found[key]) for key, name in _PROXIES.items() if found.get(key)}


def helper_name(configuration: JsonObject, host: str) -> str:
    """Return the credential helper for `host`: its own, else the one for all hosts, else ""."""
    helpers = section(configuration, "credHelpers")
    for key in _keys(host):
        if key in helpers:
            return str(helpers[key])
    return str(configuration.get("credsStore") or "")


def server_key(host: str) -> str:
    """Return the key by which docker stores a login for `host`."""
    return HUB_KEY if is_hub(host) else host


def section(configuration: JsonObject, name: str) -> JsonObject:
    """Return an object of the configuration; empty where there is none."""
    value = configuration.get(name)
    return value if isinstance(value, dict) else {}


def decode_auth(auth: str) -> tuple[str, str] | None:
    """Decode an `auth` to user and secret, in any alphabet of base64, with or without padding.

    >>> decode_auth("eDp0b2tlbg")
    ('x', 'token')
    """
    standard = auth.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        user, colon, secret = decoded.decode("utf-8").partition(":")
    except ValueError:  # not base64, not UTF-8, or not even ASCII
        return None
    return (user, secret.strip("\0")) if colon and user else None


def encode_auth(user: str, secret: str) -> str:
    """Encode an `auth` as docker does."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")


def _parse(text: str, what: str) -> JsonObject:
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        # The decoder's own error holds the whole text, secrets and all.
        raise CredentialError(f"{what} is not JSON", hint="repair it, or move it away") from None
    if not isinstance(value, dict):
        raise CredentialError(f"{what} is not a JSON object", hint="repair it, or move it away")
    return value


def _keys(host: str) -> tuple[str, ...]:
    """Return the keys that a login for `host` may have, docker's own first."""
    return (HUB_KEY, _HUB_INDEX, *HUB_NAMES) if is_hub(host) else (host,)


def _docker_finds(auths: JsonObject, host: str) -> bool:
    """Return whether docker itself finds the login: it reads Docker Hub's by one key only."""
    return not is_hub(host) or any(key == HUB_KEY or _bare(key) == _HUB_INDEX for key in auths)


def credential_of(
    entry: JsonObject, source: str, *, known_to_docker: bool = False
) -> Credential | None:
    """Read the credential in an entry of `auths`; `None` where it has none."""
    token = entry.get("identitytoken")
    pair = _user_and_secret(entry)
    if isinstance(token, str) and token:
        # Some keep the user's name beside the token, in an `auth` without a password (Azure).
        user = str(entry.get("username") or (pair[0] if pair else ""))
        return Credential(user, token, source, Kind.IDENTITY_TOKEN, known_to_docker)
    if pair is None or not pair[1]:
        return None
    return Credential(*pair, source, known_to_docker=known_to_docker)


def entry_of(auths: JsonObject, host: str) -> JsonObject:
    """Find the entry for a host: by the exact key, else by a key with a scheme or a path."""
    for key in (*_keys(host), *sorted(auths)):
        exact = key in _keys(host)
        if key in auths and (exact or _bare(key) in _keys(host)):
            entry = auths[key]
            if isinstance(entry, dict) and entry:
                return entry
    return {}


def without(auths: JsonObject, host: str) -> JsonObject:
    """Return the entries of all other hosts; keys may have a scheme or a path."""
    return {key: entry for key, entry in auths.items() if _bare(key) != host}


def _bare(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _user_and_secret(entry: JsonObject) -> tuple[str, str] | None:
    auth = entry.get("auth")
    if isinstance(auth, str) and auth:
        return decode_auth(auth)
    user, secret = entry.get("username"), entry.get("password")
    if isinstance(user, str) and isinstance(secret, str) and user:
        return user, secret
    return None


def docker_reads(entry: object) -> bool:
    """Return whether docker can read an entry: it needs the standard alphabet, with padding."""
    if not isinstance(entry, dict):
        return False
    auth = entry.get("auth")
    if auth is None or auth == "":
        return True
    try:
        base64.b64decode(auth, validate=True)
    except (TypeError, ValueError):
        return False
    return decode_auth(auth) is not None
