"""Turn errors of the docker package into errors for people."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import docker
import requests

from ...buildkit.engine import engine_name
from ...errors import UnknownError
from ...model.report import Failure
from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

_NOBODY = "fly-image-pipeline-nobody"
"""A name that no container has."""
_NEVER: Any = {"Name": "no"}


def require_docker(client: DockerClient) -> None:
    """Refuse an engine with Docker's API that cannot change containers, such as Podman 4.

    Docker says of this name that there is no such container; Podman does not know the request. This
    is asked before anything is started. Raises `DeployError`.
    """
    try:
        client.api.update_container(_NOBODY, restart_policy=_NEVER)
    except docker.errors.NotFound as error:
        if "container" in str(error.explanation).lower():
            return
        message = f"the engine is {engine_name(client.version())}, which cannot change a container"
        hint = "the driver `docker` needs Docker's engine; builds and image tests do not"
        raise DeployError(Failure("engine", message), hint=hint) from None


@contextmanager
def engine_errors() -> Iterator[None]:
    """Translate what the engine answers in the block.

    Raises `DeployError` if it refuses, `UnknownError` if it does not answer any more.
    """
    try:
        yield
    except docker.errors.APIError as error:
        message = f"the engine refused: {error.explanation or error}"
        raise DeployError(Failure("engine", message)) from error
    except requests.exceptions.RequestException as error:
        hint = "check whether it still runs; `invoke status` shows what the apps run"
        raise UnknownError("the engine no longer answers", hint=hint) from error
