"""The test of an image, with an engine that is as slow as real ones can be."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import docker
import pytest

from pipeline.buildkit.image_test import (
    GUARD,
    HOST,
    OWNER,
    TEST,
    not_started,
    run_test,
    sweep_tests,
)
from pipeline.model.events import silent
from pipeline.model.image import ImageTest
from pipeline.process.cleanup import here, owner
from pipeline.reference import ImageName, parse_reference
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.model.report import Failure
    from tests.support.scripted_server import Request

INSPECTED = {"Id": "abc", "Config": {"Tty": False}, "State": {}}


def engine(logs: Reply) -> Callable[[Request], Reply]:
    """Return an engine with one container, which ends when it is killed.

    The response to the kill comes later, as on a busy machine.
    """
    killed = threading.Event()

    def script(request: Request) -> Reply:
        name = request.path.partition("?")[0].rpartition("/")[2]
        if name == "wait":
            killed.wait(60)
            return Reply(200, body=b'{"StatusCode": 137}')
        if name == "kill":
            killed.set()
            time.sleep(0.5)
            return Reply(204)
        return {
            "create": Reply(201, body=b'{"Id": "abc", "Warnings": []}'),
            "json": Reply(200, body=json.dumps(INSPECTED).encode()),
            "logs": logs,
        }.get(name, Reply(204))

    return script


def result_of_test(logs: Reply) -> Failure | None:
    """Return how a test with a timeout of 0.3 seconds ends on that engine."""
    with scripted_server(engine(logs)) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        try:
            return run_test(
                client,
                parse_reference("example.com/web:1"),
                ImageTest(("sleep", "inf"), timeout=0.3),
                report=silent,
                image_name=ImageName("web"),
                stop=threading.Event(),
            )
        finally:
            client.close()


def test_a_timeout_is_reported_as_such() -> None:
    """The error names the timeout, also if the container ends before the kill is answered."""
    failure = result_of_test(Reply(200))

    assert failure
    assert failure.message == "its test took longer than 0.3 s"


def test_nothing_stays_behind_when_the_engine_fails() -> None:
    """If the logs cannot be read, that is reported, and no thread remains."""
    with pytest.raises(docker.errors.APIError):
        result_of_test(Reply(500, body=b'{"message": "no logs"}'))

    assert GUARD not in {thread.name for thread in threading.enumerate()}


def test_only_leftovers_of_this_machine_are_removed() -> None:
    """Containers of another machine with the same host name, but another boot id, stay."""
    machine, _, _ = here().rpartition("/")
    dead, now, before = f"{2**22 + 1}.1", datetime.now(UTC).isoformat(), "2001-01-01T00:00:00.1Z"
    known = {
        "mine": (here(), owner(), now, "running"),
        "left": (here(), dead, now, "running"),
        "stranger": ("other/pid:[1]/b", dead, before, "exited"),
        "namesake": (f"{machine}/b", dead, now, "running"),
        "ended": (f"{machine}/b", dead, now, "exited"),
        "cut": (f"{machine}/b", dead, before, "exited"),
    }
    removed = []

    def script(request: Request) -> Reply:
        path = request.path.partition("?")[0].split("/")[2:]
        if request.method == "DELETE":
            removed.append(path[1])
            return Reply(204)
        if path[1] == "json":
            return Reply(200, body=json.dumps([{"Id": name} for name in known]).encode())
        host, who, created, status = known[path[1]]
        labels = {TEST: "web", HOST: host, OWNER: who}
        told = {"Id": path[1], "Created": created, "State": {"Status": status}}
        return Reply(200, body=json.dumps({**told, "Config": {"Labels": labels}}).encode())

    with scripted_server(script) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        sweep_tests(client)
        client.close()

    assert removed == ["left", "cut"]


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("netavark: No such file or directory (os error 2)", "install it"),
        ("no such image", ""),
    ],
)
def test_a_test_that_the_engine_cannot_start(why: str, hint: str) -> None:
    """What the engine said; for Podman's network also what it lacks."""
    failure = not_started(why)

    assert failure.message == f"its test could not be started: {why}"
    assert failure.hint.endswith(hint)
    assert bool(failure.hint) is bool(hint)
