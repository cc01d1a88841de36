"""The registry client: what exists, with which digest, who we are there, and moving a tag.

Import it where it is needed and not before: the client brings httpcore, which takes 90 ms. Each
name is imported when it is first used, so that `docker-credential-fly` brings none of that.

    with Registry(credentials=credentials(os.environ)) as registry:
        presences = registry.head_all(references)

`Present`, `Absent` and an error are three answers: a refusal, a fault or silence is never read as
absence, for what is read as absent is built and overwritten.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.edge.registry.build_proxies import docker_proxies
    from pipeline.edge.registry.client import Registry
    from pipeline.edge.registry.copying import bring, copy, copy_at, digest_at, promised, put
    from pipeline.edge.registry.credential import Credential, CredentialSource, nobody
    from pipeline.edge.registry.depth import Look, look_closer
    from pipeline.edge.registry.errors import (
        AbsentError,
        CredentialError,
        KeptTagError,
        RegistryError,
    )
    from pipeline.edge.registry.gate import Policy
    from pipeline.edge.registry.manifest import Manifest, contents_of
    from pipeline.edge.registry.mirrors import Mirror, mirrors_in
    from pipeline.edge.registry.places import common
    from pipeline.edge.registry.podman_login import namespaces
    from pipeline.edge.registry.private_config import docker_config
    from pipeline.edge.registry.sources import credentials, fly_credentials, known_secrets
    from pipeline.edge.registry.triggers import onbuild

__all__ = [
    "AbsentError",
    "Credential",
    "CredentialError",
    "CredentialSource",
    "KeptTagError",
    "Look",
    "Manifest",
    "Mirror",
    "Policy",
    "Registry",
    "RegistryError",
    "bring",
    "common",
    "contents_of",
    "copy",
    "copy_at",
    "credentials",
    "digest_at",
    "docker_config",
    "docker_proxies",
    "fly_credentials",
    "known_secrets",
    "look_closer",
    "mirrors_in",
    "namespaces",
    "nobody",
    "onbuild",
    "promised",
    "put",
]

_HOMES = {
    "AbsentError": "errors",
    "Credential": "credential",
    "CredentialError": "errors",
    "CredentialSource": "credential",
    "KeptTagError": "errors",
    "Look": "depth",
    "Manifest": "manifest",
    "Mirror": "mirrors",
    "Policy": "gate",
    "Registry": "client",
    "RegistryError": "errors",
    "bring": "copying",
    "common": "places",
    "contents_of": "manifest",
    "copy": "copying",
    "copy_at": "copying",
    "credentials": "sources",
    "digest_at": "copying",
    "docker_config": "private_config",
    "docker_proxies": "build_proxies",
    "fly_credentials": "sources",
    "known_secrets": "sources",
    "look_closer": "depth",
    "mirrors_in": "mirrors",
    "namespaces": "podman_login",
    "nobody": "credential",
    "onbuild": "triggers",
    "promised": "copying",
    "put": "copying",
}

if not TYPE_CHECKING:  # or mypy takes every name for one that is there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module `{__name__}` has no `{name}`")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
