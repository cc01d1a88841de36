"""Errors of the engine in the driver `docker`, and remote engines."""

from __future__ import annotations

import json

import docker
import pytest

from pipeline.deploy.docker.containers import Spec
from pipeline.deploy.docker.down import remove_all
from pipeline.deploy.docker.engine_errors import engine_errors, require_docker
from pipeline.deploy.docker.proxy_client import proxy_of
from pipeline.deploy.docker.pull import pull, pull_error
from pipeline.deploy.errors import DeployError
from pipeline.errors import UnknownError
from pipeline.reference import parse_reference
from tests.support.scripted_server import Reply, Request, scripted_server

SPEC = Spec("web", parse_reference(f"127.0.0.1:5000/web@sha256:{7:064x}"))


@pytest.mark.parametrize(
    "text",
    [
        "manifest unknown: manifest unknown",
        "manifest for 127.0.0.1:5000/web@sha256:07 not found: manifest unknown",
        "failed to register layer: write /usr/lib/x: no space left on device",
        "no matching manifest: no match for platform in manifest: not found",
    ],
)
def test_permanent_errors_of_a_pull(text: str) -> None:
    """A missing image or a full disk is a failed deploy."""
    assert isinstance(pull_error(SPEC, text), DeployError)


@pytest.mark.parametrize(
    "text",
    [
        'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused',
        "dial tcp: lookup registry.example: host not found",
        "unauthorized: authentication required",
        "toomanyrequests: slow down",
    ],
)
def test_unknown_errors_of_a_pull(text: str) -> None:
    """A registry that refuses or does not answer gives exit code 4."""
    assert isinstance(pull_error(SPEC, text), UnknownError)


def test_an_error_in_the_stream_of_a_pull() -> None:
    """The engine answers 200, and reports the error in the stream."""
    body = json.dumps({"errorDetail": {"message": "no space left on device"}}).encode()
    with scripted_server(lambda _: Reply(200, body=body)) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        with pytest.raises(DeployError, match="no space left on device"):
            pull(client, SPEC, lambda _host: None)
        client.close()


def test_an_engine_that_goes_away_is_unknown() -> None:
    """It is not a failed app."""
    with scripted_server(lambda _: Reply(0)) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        with pytest.raises(UnknownError, match="the engine no longer answers"), engine_errors():
            client.containers.list()
        client.close()


def test_a_remote_engine_has_no_proxy() -> None:
    """It is not even queried for its id."""
    client = docker.DockerClient("tcp://192.0.2.1:2375", version="1.45")
    try:
        assert proxy_of(client) is None
    finally:
        client.close()


def test_down_reports_what_it_could_not_remove() -> None:
    """It continues with the other containers."""
    removed = []

    def script(request: Request) -> Reply:
        path = request.path.partition("?")[0].partition("/v1.45")[2]
        if request.method == "DELETE":
            removed.append(path)
            return Reply(500, body=b'{"message": "busy"}') if path[-1] == "b" else Reply(204)
        found = {
            "/info": {"ID": "of-test-down"},
            "/containers/json": [{"Id": "a"}, {"Id": "b"}, {"Id": "c"}],
            "/networks": [{"Id": "n", "Name": "pipeline"}],
        }
        one = {
            "Id": path.split("/")[2] if path.count("/") > 1 else "",
            "Name": "/web",
            "Config": {},
        }
        return Reply(200, body=json.dumps(found.get(path, one)).encode())

    with scripted_server(script) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        with pytest.raises(DeployError, match=r"could not be removed: `web` \(busy\)$"):
            remove_all(client)
        client.close()

    assert removed == ["/containers/a", "/containers/b", "/containers/c", "/networks/n"]


PODMAN = {"Version": "4.3.1", "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}


@pytest.mark.parametrize(
    ("explanation", "refused"),
    [("No such container: fly-image-pipeline-nobody", False), ("Not Found", True)],
)
def test_an_engine_that_cannot_change_containers(explanation: str, refused: bool) -> None:  # noqa: FBT001
    """Docker has no such container; Podman 4 has no such request, and nothing was started yet."""

    def answer(request: Request) -> Reply:
        if request.path.endswith("/version"):
            return Reply(200, body=json.dumps(PODMAN).encode())
        assert request.path.endswith("/update")
        return Reply(404, body=json.dumps({"message": explanation}).encode())

    with scripted_server(answer) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        if refused:
            with pytest.raises(DeployError, match=r"Podman 4\.3\.1, which cannot change") as caught:
                require_docker(client)
            assert "builds and image tests do not" in caught.value.hint
        else:
            require_docker(client)
        client.close()
