"""The registry client: what exists, with which digest, who we are there, and moving a tag.

Import it where it is needed and not before: it brings httpcore, which takes 90 ms.

    with Registry(credentials=credentials(os.environ)) as registry:
        presences = registry.head_all(references)

`Present`, `Absent` and an error are three answers: a refusal, a fault or silence is never read as
absence, for what is read as absent is built and overwritten.
"""

from pipeline.edge.registry import docker_login
from pipeline.edge.registry.client import Registry
from pipeline.edge.registry.copying import bring, copy, copy_at, digest_at, promised
from pipeline.edge.registry.credential import Credential, CredentialSource, nobody
from pipeline.edge.registry.depth import Look, look_closer
from pipeline.edge.registry.errors import AbsentError, CredentialError, RegistryError
from pipeline.edge.registry.gate import Policy
from pipeline.edge.registry.manifest import Manifest
from pipeline.edge.registry.places import common
from pipeline.edge.registry.podman_login import namespaces
from pipeline.edge.registry.private_config import docker_config
from pipeline.edge.registry.sources import credentials, fly_credentials, known_secrets

__all__ = [
    "AbsentError",
    "Credential",
    "CredentialError",
    "CredentialSource",
    "Look",
    "Manifest",
    "Policy",
    "Registry",
    "RegistryError",
    "bring",
    "common",
    "copy",
    "copy_at",
    "credentials",
    "digest_at",
    "docker_config",
    "docker_login",
    "fly_credentials",
    "known_secrets",
    "look_closer",
    "namespaces",
    "nobody",
    "promised",
]
