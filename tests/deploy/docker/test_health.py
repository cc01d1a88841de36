"""Health checks on real sockets."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import docker
import pytest

from pipeline.deploy.docker.health import Rounds, run_checks, wait_healthy
from pipeline.deploy.docker.service import Group, Health, Port
from tests.support.scripted_server import Reply, scripted_server
from tests.support.secured_registry import create_certificate
from tests.support.server_thread import in_background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker.models.containers import Container

    from tests.support.scripted_server import Request


def first_failure(address: str, *checks: Health) -> str:
    """Return the first failure of a group whose port 80 is `address`."""
    host, _, port = address.partition(":")
    return run_checks(Group("app", "", (Port(80),), checks), {80: (host, int(port))})


@contextmanager
def listening(*, closes: bool) -> Iterator[str]:
    """Start a server that sends nothing, or closes each connection as the engine's proxy does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines = []

        def take() -> None:
            line, _ = server.accept()
            lines.append(line)
            if closes:
                line.close()

        thread = threading.Thread(target=take)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()
        for line in lines:
            line.close()


def test_http_request_of_a_check() -> None:
    """Method, path and headers are those of the check."""
    seen: list[Request] = []

    def script(request: Request) -> Reply:
        seen.append(request)
        return Reply(204)

    with scripted_server(script) as server:
        trouble = first_failure(server.address, Health(80, "/up", "HEAD", {"X-Who": "us"}))

    assert trouble == ""
    assert [(s.method, s.path, s.headers["x-who"]) for s in seen] == [("HEAD", "/up", "us")]


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_only_2xx_is_healthy(status: int) -> None:
    """The error has the status."""
    with scripted_server(lambda _: Reply(status)) as server:
        assert first_failure(server.address, Health(80, "/up")) == f"/up answers {status}"


def test_the_first_failure_of_several_checks() -> None:
    """All checks must pass."""
    with scripted_server(lambda a: Reply(200 if a.path == "/a" else 500)) as server:
        assert first_failure(server.address, Health(80, "/a"), Health(80, "/b")) == "/b answers 500"


def test_a_response_that_takes_too_long() -> None:
    """The check's own timeout applies."""

    def script(_: Request) -> Reply:
        time.sleep(0.5)
        return Reply(200)

    with scripted_server(script) as server:
        trouble = first_failure(server.address, Health(80, "/up", timeout=0.1))

    assert "/up does not answer" in trouble


@pytest.mark.parametrize(
    ("at_once", "trouble"),
    [
        (b"", "/up does not answer"),
        (b"HTTP/1.1 200 OK\r\nX: ", "/up does not answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 503 No\r\nContent-Length: 9999999\r\n\r\n", "/up answers 503"),
    ],
)
def test_an_endless_response(at_once: bytes, trouble: str) -> None:
    """A response head must arrive in time; its body is not read."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # The client closes the connection.
                self.request.recv(1 << 16)
                self.request.sendall(at_once)
                while True:
                    self.request.sendall(b"a")
                    time.sleep(0.01)

    patience = 30.0 if at_once.endswith(b"\r\n\r\n") else 0.2
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        address = f"127.0.0.1:{server.server_address[1]}"
        said = first_failure(address, Health(80, "/up", timeout=patience))

    assert said.startswith(trouble)
    assert bool(said) is bool(trouble)


def test_over_tls(tmp_path: Path) -> None:
    """An untrusted certificate fails, unless the check has `tls_skip_verify`."""
    (tmp_path / "tls").mkdir()
    certificate = create_certificate(tmp_path / "tls")
    with scripted_server(lambda _: Reply(200), certificate) as server:
        strict = first_failure(server.address, Health(80, "/up", tls=True))
        lax = first_failure(server.address, Health(80, "/up", tls=True, verify=False))

    assert "certificate verify failed" in strict
    assert lax == ""


def test_a_silent_port_is_healthy() -> None:
    """Without a path, or without a check, a connection is enough."""
    with listening(closes=False) as address:
        assert first_failure(address, Health(80)) == ""
    with listening(closes=False) as address:
        assert first_failure(address) == ""


def test_a_port_that_closes_at_once() -> None:
    """The engine's proxy accepts connections for a container in which nothing listens."""
    with listening(closes=True) as address:
        assert first_failure(address, Health(80)) == "port 80 closes each connection"


def test_a_port_that_refuses() -> None:
    """The error names the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

    assert "port 80 does not answer" in first_failure(address, Health(80))


WEB, WORKER = Group("web", "", (Port(80),)), Group("worker")
NOBODY = {80: ("127.0.0.1", 1)}


@contextmanager
def container(status: str, code: int = 0) -> Iterator[Container]:
    """Return a container in that state, of an engine that knows only this one."""
    state = {"Id": "c", "Name": "/web", "State": {"Status": status, "ExitCode": code}}
    with scripted_server(lambda _: Reply(200, body=json.dumps(state).encode())) as server:
        client = docker.DockerClient(f"tcp://{server.address}", version="1.45")
        try:
            yield client.containers.get("c")
        finally:
            client.close()


@pytest.mark.parametrize("group", [WEB, WORKER])
def test_a_container_that_ended(group: Group) -> None:
    """It fails at once instead of after the timeout."""
    with container("exited", 3) as ended:
        found = wait_healthy(ended, group, NOBODY, 3600.0, threading.Event())

    assert found == "it ended with exit code 3"


def test_a_container_that_stays_unhealthy() -> None:
    """The error has the timeout, and the last failed check."""
    with container("running") as deaf:
        found = wait_healthy(deaf, WEB, NOBODY, 0.0, threading.Event())

    assert found.startswith("not healthy within 0 s: port 80 does not answer: ")


def test_a_check_that_is_answered_is_asked_once_in_its_interval() -> None:
    """One that gets no connection is tried again after a second: the app may only begin."""
    now, asked = [100.0], []

    def script(request: Request) -> Reply:
        asked.append(request.path)
        return Reply(500)

    checks = (Health(80, "/up", interval=5.0), Health(81, "/down", interval=5.0))
    with scripted_server(script) as server:
        host, _, port = server.address.partition(":")
        places = {80: (host, int(port)), 81: NOBODY[80]}
        rounds = Rounds(Group("app", "", (), checks), places, lambda: now[0])
        found = []
        for second in (0.0, 1.0, 4.9, 5.0, 9.0):
            now[0] = 100.0 + second
            found.append(rounds.failure())
        assert asked == ["/up"] * 2
        rounds.failure(last=True)
    assert found == ["/up answers 500"] * 5
    assert asked == ["/up"] * 3


def test_a_check_without_a_connection_is_tried_soon() -> None:
    """Whatever its interval."""
    now, where = [100.0], dict(NOBODY)
    group = Group("app", "", (), (Health(80, "/up", interval=60.0),))
    rounds = Rounds(group, where, lambda: now[0])
    assert "/up does not answer" in rounds.failure()
    with scripted_server(lambda _: Reply(200)) as server:
        host, _, port = server.address.partition(":")
        where[80] = (host, int(port))
        now[0] += 0.9
        assert "/up does not answer" in rounds.failure()
        now[0] += 0.1
        assert rounds.failure() == ""


def test_what_fails_is_told_with_the_time() -> None:
    """For the live view."""
    told: list[str] = []
    with container("running") as deaf, scripted_server(lambda _: Reply(500)) as server:
        host, _, port = server.address.partition(":")
        group = Group("web", "", (Port(80),), (Health(80, "/up"),))
        where = {80: (host, int(port))}
        wait_healthy(deaf, group, where, 0.0, threading.Event(), told.append)
    assert told == ["/up answers 500, 0 of 0 s"]


def test_an_interruption_is_not_a_timeout() -> None:
    """Once the user stops the run."""
    stop = threading.Event()
    stop.set()
    with container("running") as deaf:
        assert wait_healthy(deaf, WEB, NOBODY, 3600.0, stop) == "interrupted before it was healthy"


def test_a_healthy_container() -> None:
    """A worker that keeps running, and a service whose port stays open."""
    with container("running") as well, listening(closes=False) as address:
        host, _, port = address.partition(":")
        worker = wait_healthy(well, WORKER, {}, 60.0, threading.Event())
        web = wait_healthy(well, WEB, {80: (host, int(port))}, 60.0, threading.Event())

    assert (worker, web) == ("", "")
