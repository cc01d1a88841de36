"""Where a credential is looked for, in order. Nothing here speaks to a network."""

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


def fly_credentials(environ: Mapping[str, str]) -> tuple[str, CredentialSource]:
    """Fly's registry, and where its token is looked for apart from docker's configuration."""
    host = fly_login.fly_registry(environ)

    def look_up(asked: str, /) -> Credential | None:
        if host_of(asked) != host:
            return None
        return fly_login.from_environment(environ) or fly_login.from_flyctl(environ)

    return host, look_up


def known_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """All that is in the environment and in files of logins, in every form; no helper is asked.

    For the last net before a person's eyes: what cannot be read is passed over.
    """
    tokens = fly_login.variables_in(environ)
    found = [form for token in tokens for form in forms(token, fly_login.FLY_USER)]
    files: list[Callable[[Mapping[str, str]], docker_login.Json]] = [
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
    """What environment and home folder hold: Fly's variables, docker's, podman's, flyctl's login.

    A Fly token is shown to `fly_hosts` alone; by default that is the host that
    `FLY_REGISTRY_HOST` names, else `registry.fly.io`. Each call looks anew, for a login of Fly's
    lives five minutes. Nobody (`None`) is right for a public or a local registry.

    >>> credentials({"FLY_API_TOKEN": "FlyV1 fm2_abc"})("registry.fly.io").source
    'FLY_API_TOKEN'
    """
    fly = frozenset([fly_login.fly_registry(environ)] if fly_hosts is None else fly_hosts)
    lookups: tuple[Callable[[str], Credential | None], ...] = (
        lambda place: fly_login.from_environment(environ) if host_of(place) in fly else None,
        lambda place: docker_login.from_environment(environ, host_of(place)),
        lambda place: docker_login.from_configuration(environ, host_of(place)),
        lambda place: podman_login.from_files(environ, place),
        lambda place: fly_login.from_flyctl(environ) if host_of(place) in fly else None,
    )

    def look_up(place: str, /) -> Credential | None:
        found = (lookup(place) for lookup in lookups)
        return next((credential for credential in found if credential), None)

    return look_up
