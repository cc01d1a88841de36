"""Pull an image to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker

from ...buildkit.push import stream_error
from ...errors import UnknownError
from ...model.masking import masker
from ...model.report import Failure
from ...registry.auth.namespace import namespace_of
from ..errors import DeployError

if TYPE_CHECKING:
    from docker import DockerClient

    from ...registry.auth.credential import CredentialSource
    from .containers import Spec

_MISSING = (
    "manifest unknown",
    "not found",
    "name unknown",
    "no such image",
    "no match for platform",
)
_FULL = ("no space left on device", "disk quota exceeded")
_HINT = "`invoke doctor` checks registry and credentials"


def has_image(client: DockerClient, spec: Spec) -> bool:
    """Return whether the engine has the image already."""
    try:
        client.images.get(spec.pinned)
    except docker.errors.ImageNotFound:
        return False
    return True


def pull(client: DockerClient, spec: Spec, credentials: CredentialSource) -> None:
    """Pull an image by digest.

    Raises `DeployError` if the registry does not have it or the disk is full: another attempt would
    fail as well. Raises `UnknownError` if the registry refuses or does not answer.
    """
    known = credentials(namespace_of(spec.image.repository))
    mask = masker(known.forms if known else ())
    auth = known.for_engine if known else None
    name, digest = str(spec.image.repository), spec.image.digest
    try:
        lines = client.api.pull(name, tag=digest, auth_config=auth, stream=True, decode=True)
        fault = next(filter(None, map(stream_error, lines)), "")
    except docker.errors.APIError as error:
        # Without its cause: the response holds the request, which holds the credential.
        raise pull_error(spec, mask(str(error.explanation))) from None
    if fault:
        raise pull_error(spec, mask(fault))
    if not has_image(client, spec):
        raise pull_error(spec, "no such image")


def pull_error(spec: Spec, text: str) -> DeployError | UnknownError:
    """Return the error for what the engine said about a pull."""
    message = f"could not pull `{spec.pinned}`: {text}"
    low = text.lower()
    if any(word in low for word in _FULL):
        return DeployError(Failure("pull", message), hint="make room: `docker system df` shows it")
    # "not found" is also said of hosts.
    if any(word in low for word in _MISSING) and "no such host" not in low and "dial " not in low:
        hint = "the registry lacks it: `invoke build-all --verify deep` rebuilds it"
        return DeployError(Failure("pull", message), hint=hint)
    return UnknownError(message, hint=_HINT)
