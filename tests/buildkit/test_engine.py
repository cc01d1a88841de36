"""Unexpected responses of an engine are reported in a sentence, never as a bug."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import docker
import pytest

from pipeline.buildkit.engine import connect, is_local
from pipeline.errors import UnknownError
from tests.support.scripted_server import Reply, Request, scripted_server

if TYPE_CHECKING:
    from pathlib import Path

VERSION = json.dumps({"ApiVersion": "1.45", "Version": "26.1.5"}).encode()
JSON = {"Content-Type": "application/json"}


def failing_engine(request: Request) -> Reply:
    """Answer version requests, and fail for everything else."""
    if request.path.endswith("/version"):
        return Reply(200, JSON, VERSION)
    if request.path.endswith("/_ping"):
        return Reply(200, {}, b"OK")
    if request.path.endswith("/info"):
        return Reply(0)
    return Reply(500, JSON, json.dumps({"message": "layer store is\nbroken"}).encode())


def test_an_error_has_the_engines_own_message() -> None:
    """The error has the engine's own message, wherever it occurs."""
    with scripted_server(failing_engine) as server:
        environ = {"DOCKER_HOST": f"tcp://{server.address}"}
        with (
            pytest.raises(UnknownError, match="the Docker engine says: layer store is broken"),
            connect(environ) as client,
        ):
            client.containers.list()


def test_an_engine_that_closes_connections() -> None:
    """A connection that breaks counts as an engine that does not answer."""
    with scripted_server(failing_engine) as server:
        environ = {"DOCKER_HOST": f"tcp://{server.address}"}
        with pytest.raises(UnknownError, match="no Docker engine answers"), connect(environ) as it:
            it.info()


STANDARD = base64.b64encode(b"user:a secret").decode()
URL_SAFE = base64.urlsafe_b64encode("user:ÿþ~~??>>".encode("latin-1")).decode()
AUTHS: dict[str, object] = {
    "standard": STANDARD,
    "url-safe": URL_SAFE,
    "unpadded": STANDARD.rstrip("="),
    "empty": "",
    "no colon": base64.b64encode(b"user").decode(),
    "nul": "\0",
    "no ascii": "é",
    "no utf-8": base64.b64encode(b"\xff:\xfe").decode(),
    "number": 5,
    "null": None,
    "list": [],
}


@pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)
@pytest.mark.parametrize("host", ["quay.io", "127.0.0.1:1", "https://index.docker.io/v1/"])
def test_a_login_that_the_docker_package_cannot_read(
    host: str, auth: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The docker package gets no login at all, neither to connect, nor to pull or push."""
    configure(tmp_path, monkeypatch, {"auths": {host: {"auth": auth}}})

    assert headers_of_a_push() == [""]


@pytest.mark.parametrize(
    "configuration",
    [
        {"auths": {"quay.io": "text"}},
        {"auths": {"quay.io": {"identitytoken": 5}}},
        {"auths": []},
        {"credsStore": "is-not-there"},
        {"credHelpers": {"127.0.0.1:1": "is-not-there"}},
        {"proxies": "text", "HttpHeaders": ["text"]},
        {"proxies": {"default": {"httpProxy": 5}}, "HttpHeaders": {"A": 5}},
        {"currentContext": 5},
        {"currentContext": "is-not-there"},
        {},
        [],
    ],
    ids=str,
)
def test_a_configuration_that_the_docker_package_cannot_read(
    configuration: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it contains, the engine of DOCKER_HOST is used."""
    configure(tmp_path, monkeypatch, configuration)

    assert headers_of_a_push() == [""]


def test_proxies_and_headers_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config.json` sets proxies of containers and headers for the engine, as for docker."""
    proxies = {"default": {"httpProxy": "http://proxy.example:3128"}}
    configure(tmp_path, monkeypatch, {"proxies": proxies, "HttpHeaders": {"X-Meta": "ours"}})
    created = json.dumps({"Id": "a" * 64}).encode()

    def answer(request: Request) -> Reply:
        return (
            Reply(201, JSON, created)
            if request.path.endswith("/create")
            else failing_engine(request)
        )

    with (
        scripted_server(answer) as server,
        connect({"DOCKER_HOST": f"tcp://{server.address}"}) as it,
    ):
        it.api.create_container("web", use_config_proxy=True)
        request = server.requests[-1]

    assert request.headers["x-meta"] == "ours"
    assert "HTTP_PROXY=http://proxy.example:3128" in json.loads(request.body)["Env"]


@pytest.mark.parametrize("auth", ["", "_-8"])
def test_the_engine_of_a_context(
    auth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Docker context selects the engine, also beside an unreadable login."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    with scripted_server(failing_engine) as server:
        logins = {"quay.io": {"auth": auth}}
        configure(tmp_path, monkeypatch, {"auths": logins, "currentContext": "other"})
        context(tmp_path, "other", json.dumps(endpoint(f"tcp://{server.address}")))
        with connect(os.environ) as client:
            assert client.version()["Version"] == "26.1.5"


def test_a_context_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable context means that there is no engine; it is not a bug."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    configure(tmp_path, monkeypatch, {"currentContext": "other"})
    context(tmp_path, "other", "{")

    with pytest.raises(UnknownError, match="no Docker engine answers"), connect(os.environ):
        pass


@pytest.mark.parametrize(
    ("base", "local"),
    [
        ("http+docker://localhost", True),
        ("http://127.0.0.1:2375", True),
        ("https://localhost:2376", True),
        ("http://[::1]:2375", True),
        ("http+docker://ssh", False),
        ("http+docker://localnpipe", True),
        ("http://10.0.0.7:2375", False),
        ("https://build.example.com:2376", False),
    ],
)
def test_which_engines_are_local(base: str, *, local: bool) -> None:
    """Sockets, pipes and loopback are local; the docker package writes SSH as a socket, too."""
    assert is_local(base) is local


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    """Write Docker's configuration."""
    (folder / "config.json").write_text(json.dumps(value))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def context(folder: Path, name: str, text: str) -> None:
    """Write a Docker context with that file content."""
    file = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)


def endpoint(address: str) -> dict[str, object]:
    """Return the content that docker writes for a context."""
    return {"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": address}}}


def headers_of_a_push() -> list[str]:
    """Return the login that a push without credentials sends to the engine."""
    with (
        scripted_server(failing_engine) as server,
        connect({"DOCKER_HOST": f"tcp://{server.address}"}) as it,
    ):
        with suppress(docker.errors.APIError):
            it.api.push("127.0.0.1:1/web", "1", auth_config=None)
        return [a.headers.get("x-registry-auth", "") for a in server.requests if "push" in a.path]
