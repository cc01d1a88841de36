"""The proxies that docker's configuration has for what runs in containers.

docker/cli `ConfigFile.ParseProxyConfig`, buildx `GetProxyConfig`: an entry for the engine's
address, else the one called `default`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import docker_login

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
}
_USUAL = "unix:///var/run/docker.sock"


def docker_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """What buildx would hand to every build as arguments. Raises `CredentialError`."""
    configured = docker_login.section(docker_login.read_configuration(environ), "proxies")
    host = environ.get("DOCKER_HOST") or _USUAL
    chosen = configured[host] if host in configured else configured.get("default")
    found = chosen if isinstance(chosen, dict) else {}
    return {name: str(found[key]) for key, name in _NAMES.items() if found.get(key)}
