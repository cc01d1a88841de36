"""Turn errors of the docker package into errors for people."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import requests

from ...errors import UnknownError
from ...model.report import Failure
from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
