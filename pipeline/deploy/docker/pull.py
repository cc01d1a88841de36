"""Bring an image to the engine, and say what kept it from coming."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import requests

from ...errors import UnknownError
from ...model.masking import masker
from ...model.report import Failure
from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
_HINT = "`invoke doctor` looks at registry and credentials"


def has_image(client: DockerClient, spec: Spec) -> bool:
    """Whether the engine has the image already."""
    try:
        client.images.get(spec.pinned)
    except docker.errors.ImageNotFound:
        return False
    return True


def pull(client: DockerClient, spec: Spec, credentials: CredentialSource) -> None:
    """Pull an image by its digest.

    Raises `DeployError` where the registry has it not, or the disk is full: trying again does not
    help. Raises `UnknownError` for a registry that refuses or does not answer.
    """
    known = credentials(str(spec.image.repository))
    mask = masker(known.forms if known else ())
    auth = known.for_engine if known else None
    name, digest = str(spec.image.repository), spec.image.digest
    try:
        lines = client.api.pull(name, tag=digest, auth_config=auth, stream=True, decode=True)
        fault = _fault(lines)
    except docker.errors.APIError as error:
        # Its response holds the request, and that the credential.
        raise pull_error(spec, mask(str(error.explanation))) from None
    if fault:
        raise pull_error(spec, mask(fault))
    if not has_image(client, spec):
        raise pull_error(spec, "no such image")


def pull_error(spec: Spec, text: str) -> DeployError | UnknownError:
    """What an engine's words about a pull mean."""
    message = f"could not pull `{spec.pinned}`: {text}"
    low = text.lower()
    if any(word in low for word in _FULL):
        return DeployError(Failure("pull", message), hint="make room: `docker system df` shows it")
    # A host that is not found says so, too, and says nothing of the image.
    if any(word in low for word in _MISSING) and "no such host" not in low and "dial " not in low:
        hint = "it is gone from the registry: `invoke build-all --verify deep` looks for it"
        return DeployError(Failure("pull", message), hint=hint)
    return UnknownError(message, hint=_HINT)


@contextmanager
def told() -> Iterator[None]:
    """What the engine says against a deploy, as an error for people.

    Raises `DeployError` where it refuses, `UnknownError` where it does not answer any more.
    """
    try:
        yield
    except docker.errors.APIError as error:
        message = f"the engine refused: {error.explanation or error}"
        raise DeployError(Failure("engine", message)) from error
    except requests.exceptions.RequestException as error:
        hint = "see whether it still runs; `invoke status` says what apps run"
        raise UnknownError("the engine does not answer any more", hint=hint) from error


def _fault(lines: Iterable[Mapping[str, object]]) -> str:
    """The docker package does not raise for a pull that fails half-way: its stream says it."""
    for line in lines:
        detail = line.get("errorDetail")
        if isinstance(detail, dict) and detail.get("message"):
            return str(detail["message"])
        if line.get("error"):
            return str(line["error"])
    return ""
