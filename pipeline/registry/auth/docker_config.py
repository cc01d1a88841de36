"""Make a temporary docker configuration with our credentials, for BuildKit.

BuildKit's client reads credentials from docker's configuration only. Where ours come from elsewhere
(Fly's variables, flyctl's login), a private copy names our credential helper, which is asked when a
push begins: a login of flyctl's is valid for five minutes, and a build may take longer. Credentials
without a helper are written into the copy itself.
"""

from __future__ import annotations

import json
import os
import sysconfig
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...process.cleanup import private_folder
from ...process.environ import find_program
from . import docker_login, fly_login
from .credential import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .credential import Credential


@contextmanager
def docker_config(
    credentials: Mapping[str, Credential],
    environ: Mapping[str, str],
    doubtful: Collection[str] = (),
) -> Iterator[Mapping[str, str]]:
    """Let docker and its plugins use the credential of each host; yield the variables to set.

    `doubtful` hosts get none, not even the user's own: nothing proves their identity.

    Nothing is made, and `{}` yielded, where docker finds all of them by itself and has no proxies
    in its configuration, of which it would make build arguments (`buildkit.definition`). Otherwise
    `DOCKER_CONFIG` names a folder (0700) with the user's `config.json` and the other credentials
    (0600), and links to all else in the user's folder. It is removed at the end, or by the next
    run after a kill.

        with docker_config({"registry.fly.io": credential}, os.environ) as more:
            subprocess.run(["docker", "buildx", "bake"], env={**os.environ, **more})
    """
    ours = {host: one for host, one in credentials.items() if not one.known_to_docker}
    proxies = docker_login.section(docker_login.read_configuration(environ), "proxies")
    if not ours and not doubtful and not proxies:
        yield {}
        return
    with private_folder("login", environ) as folder:
        yield _fill(folder, ours, environ, doubtful)


def _fill(
    folder: Path,
    credentials: Mapping[str, Credential],
    environ: Mapping[str, str],
    doubtful: Collection[str],
) -> dict[str, str]:
    users = docker_login.configuration_folder(environ).absolute()
    _link(users, folder)
    text = json.dumps(_without(_with(credentials, environ), doubtful), indent=2)
    descriptor = os.open(folder / "config.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    more = {"DOCKER_CONFIG": str(folder)}
    if environ.get(docker_login.ENVIRONMENT):
        # It would take precedence over the file; its logins are in the file now.
        more[docker_login.ENVIRONMENT] = ""
    if not environ.get("BUILDX_CONFIG"):
        more["BUILDX_CONFIG"] = str(users / "buildx")
    if any(credential.helper for credential in credentials.values()):
        # Our helper is installed beside this Python, whose folder may not be on the user's PATH.
        more["PATH"] = f"{environ.get('PATH', '')}{os.pathsep}{_scripts()}"
    return more


def _scripts() -> Path:
    return Path(sysconfig.get_path("scripts"))


def _has_helper(credential: Credential, environ: Mapping[str, str]) -> bool:
    """Return whether a helper can be asked: it does not see tokens of variables."""
    name = f"docker-credential-{credential.helper}"
    path = {"PATH": f"{environ.get('PATH', '')}{os.pathsep}{_scripts()}"}
    if credential.helper == fly_login.HELPER and fly_login.from_environment(environ):
        return False
    return bool(credential.helper) and find_program(name, path) is not None


def _with(
    credentials: Mapping[str, Credential], environ: Mapping[str, str]
) -> docker_login.JsonObject:
    """Return the user's configuration with our credentials, without entries that docker rejects.

    An empty entry in `credHelpers` makes docker/cli read `auths` for one host although there is a
    store for all (`configfile.getConfiguredCredentialStore`).
    """
    theirs = docker_login.read_configuration(environ)
    extra = docker_login.section(docker_login.read_environment(environ), "auths")
    known = {docker_login.server_key(host): one for host, one in credentials.items()}
    helped = {key: one.helper for key, one in known.items() if _has_helper(one, environ)}
    ours = {**extra, **{key: _entry(one) for key, one in known.items() if key not in helped}}
    auths = {**docker_login.section(theirs, "auths"), **ours}
    written = {name: _standard(entry) for name, entry in auths.items()}
    helpers = docker_login.section(theirs, "credHelpers")
    return {
        **{key: value for key, value in theirs.items() if key != "proxies"},
        "auths": {name: e for name, e in written.items() if docker_login.docker_reads(e)},
        "credHelpers": {**helpers, **dict.fromkeys(ours, ""), **helped},
    }


def _without(
    configuration: docker_login.JsonObject, hosts: Collection[str]
) -> docker_login.JsonObject:
    """Return a configuration without credentials for `hosts`, by an entry or by a helper."""
    auths = docker_login.section(configuration, "auths")
    for host in hosts:
        auths = docker_login.without(auths, host)
    silent = dict.fromkeys(map(docker_login.server_key, hosts), "")
    helpers = docker_login.section(configuration, "credHelpers")
    return {**configuration, "auths": auths, "credHelpers": {**helpers, **silent}}


def _entry(credential: Credential) -> docker_login.JsonObject:
    if credential.kind is Kind.IDENTITY_TOKEN:
        return {"username": credential.username, "identitytoken": credential.secret}
    return {"auth": credential.basic}


def _standard(entry: object) -> object:
    """Encode `auth` as docker does: by one in another alphabet, it would reject the whole file."""
    if not isinstance(entry, dict) or not isinstance(auth := entry.get("auth"), str):
        return entry
    pair = docker_login.decode_auth(auth)
    return {**entry, "auth": docker_login.encode_auth(*pair)} if pair else entry


def _link(users: Path, folder: Path) -> None:
    """Link to all else in the user's folder: contexts, plugins, buildx."""
    with suppress(OSError):
        for path in users.iterdir():
            if path.name != "config.json":
                (folder / path.name).symlink_to(path)
