"""What an engine may answer that nobody asked for: a sentence, and never a fault of ours."""

from __future__ import annotations

import json

import pytest

from pipeline.edge.engine import connect
from pipeline.errors import UnknownError
from tests.support.scripted import Asked, Reply, scripted

VERSION = json.dumps({"ApiVersion": "1.45", "Version": "26.1.5"}).encode()
JSON = {"Content-Type": "application/json"}


def an_engine(asked: Asked) -> Reply:
    """One that answers to its name, and is in trouble with everything else."""
    if asked.path.endswith("/version"):
        return Reply(200, JSON, VERSION)
    if asked.path.endswith("/_ping"):
        return Reply(200, {}, b"OK")
    if asked.path.endswith("/info"):
        return Reply(0)
    return Reply(500, JSON, json.dumps({"message": "layer store is\nbroken"}).encode())


def test_an_engine_in_trouble_is_told_in_its_own_words() -> None:
    """Not as a traceback, wherever it happens."""
    with scripted(an_engine) as server:
        environ = {"DOCKER_HOST": f"tcp://{server.address}"}
        with (
            pytest.raises(UnknownError, match="the Docker engine says: layer store is broken"),
            connect(environ) as client,
        ):
            client.containers.list()


def test_an_engine_that_breaks_off_is_none() -> None:
    """As one that does not answer."""
    with scripted(an_engine) as server:
        environ = {"DOCKER_HOST": f"tcp://{server.address}"}
        with pytest.raises(UnknownError, match="no Docker engine answers"), connect(environ) as it:
            it.info()
