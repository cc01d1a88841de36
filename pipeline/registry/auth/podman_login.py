"""Read the logins of `podman login`: `auth.json`, which buildah and skopeo use, too.

Docker does not read it. Its keys may name a part of a host (`quay.io/acme`): of those that a
repository begins with, the longest counts (containers/image, `docs/containers-auth.json.5.md`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...process.paths import home, shown
from ...reference import HUB, is_hub
from ..errors import CredentialError
from . import ask_helper, docker_login
from .namespace import Namespace, host_of, parents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credential import Credential


def files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return podman's files: that of `REGISTRY_AUTH_FILE`, of the session, of the home folder."""
    named, runtime = environ.get("REGISTRY_AUTH_FILE"), environ.get("XDG_RUNTIME_DIR")
    lasting = Path(environ.get("XDG_CONFIG_HOME") or home(environ) / ".config")
    return (
        *([Path(named)] if named else []),
        *([Path(runtime, "containers", "auth.json")] if runtime else []),
        lasting / "containers" / "auth.json",
    )


def from_files(environ: Mapping[str, str], namespace: Namespace) -> Credential | None:
    """Look up the credential for a namespace; `None` where podman has none.

    Raises `CredentialError` where a file cannot be read.
    """
    for path in files(environ):
        configuration = docker_login.read_file(path, environ)
        if found := _find(configuration, namespace, path, environ):
            return found
    return None


def namespaces(environ: Mapping[str, str]) -> frozenset[Namespace]:
    """Return the parts of hosts that have a login of their own: `quay.io/acme`.

    A file that cannot be read is skipped: looking up a credential will report it.
    """
    found: set[Namespace] = set()
    for path in files(environ):
        try:
            auths = docker_login.section(docker_login.read_file(path, environ), "auths")
        except CredentialError:
            continue
        found |= {Namespace(key) for key in auths if "/" in key and "://" not in key}
    return frozenset(found)


def _find(
    configuration: docker_login.JsonObject,
    namespace: Namespace,
    path: Path,
    environ: Mapping[str, str],
) -> Credential | None:
    if is_hub(host := host_of(namespace)):
        host, namespace = HUB, Namespace(f"{HUB}{namespace.removeprefix(host)}")
    name = str(docker_login.section(configuration, "credHelpers").get(host) or "")
    if name and (found := ask_helper.get(name, docker_login.server_key(host), environ)):
        return replace(found, known_to_docker=False, helper=name)
    auths = docker_login.section(configuration, "auths")
    entries = (_entry(auths, key) for key in parents(namespace))
    entry = next((entry for entry in entries if entry), {})
    return docker_login.credential_of(entry, f"podman's login {shown(path, environ)}")


def _entry(auths: docker_login.JsonObject, key: str) -> docker_login.JsonObject:
    """Find an entry: a key with a scheme names a host, as old dockers wrote it; others a part."""
    if "/" not in key:
        return docker_login.entry_of({k: v for k, v in auths.items() if _names_host(k)}, key)
    entry = auths.get(key)
    return entry if isinstance(entry, dict) else {}


def _names_host(key: str) -> bool:
    return "/" not in key or "://" in key
