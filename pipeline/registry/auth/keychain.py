"""Look up credentials: Fly's variables, docker's logins, podman's, flyctl's. No network."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ...model.masking import forms
from ..errors import CredentialError
from . import docker_login, fly_login, podman_login
from .namespace import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from .credential import Credential, CredentialSource
    from .namespace import Namespace


def fly_credentials(environ: Mapping[str, str]) -> tuple[str, CredentialSource]:
    """Return Fly's registry, and the source of its token besides docker's configuration."""
    host = fly_login.fly_registry(environ)

    def look_up(namespace: Namespace, /) -> Credential | None:
        if host_of(namespace) != host:
            return None
        return fly_login.from_environment(environ) or fly_login.from_flyctl(environ)

    return host, look_up


def known_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return all secrets of the environment and of files with logins, in every form.

    They are masked in what people see. No helper is asked, and unreadable files are skipped.
    """
    tokens = fly_login.variables_in(environ)
    found = [form for token in tokens for form in forms(token, fly_login.FLY_USER)]
    files: list[Callable[[Mapping[str, str]], docker_login.JsonObject]] = [
        docker_login.read_environment,
        docker_login.read_configuration,
        *(partial(docker_login.read_file, path) for path in podman_login.files(environ)),
    ]
    for read in files:
        with suppress(CredentialError):
            entries = docker_login.section(read(environ), "auths").values()
            known = [docker_login.credential_of(e, "") for e in entries if isinstance(e, dict)]
            found += [form for credential in known if credential for form in credential.forms]
    return tuple(dict.fromkeys(found))


def credentials(
    environ: Mapping[str, str], *, fly_hosts: Collection[str] | None = None
) -> CredentialSource:
    """Make a source of the credentials in the environment and the home folder.

    A Fly token is sent to `fly_hosts` only; by default that is the host that `FLY_REGISTRY_HOST`
    names, else `registry.fly.io`. Each call reads everything anew, as a login of flyctl's is valid
    for five minutes. A public or a local registry needs no credential (`None`).

    >>> from pipeline.registry.auth.namespace import Namespace
    >>> credentials({"FLY_API_TOKEN": "FlyV1 fm2_abc"})(Namespace("registry.fly.io")).source
    'FLY_API_TOKEN'
    """
    fly = frozenset([fly_login.fly_registry(environ)] if fly_hosts is None else fly_hosts)
    lookups: tuple[Callable[[Namespace], Credential | None], ...] = (
        lambda name: fly_login.from_environment(environ) if host_of(name) in fly else None,
        lambda name: docker_login.from_environment(environ, host_of(name)),
        lambda name: docker_login.from_configuration(environ, host_of(name)),
        lambda name: podman_login.from_files(environ, name),
        lambda name: fly_login.from_flyctl(environ) if host_of(name) in fly else None,
    )

    def look_up(namespace: Namespace, /) -> Credential | None:
        found = (lookup(namespace) for lookup in lookups)
        return next((credential for credential in found if credential), None)

    return look_up
