"""An app keeps its address, and loses no request during a deploy."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import httpx
import pytest

from pipeline.deploy.docker.proxy_client import ProxyClient
from tests.support.docker_apps import app, app_name, deploys, get, running, url
from tests.support.processes import is_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine

SWAPS = 4


class Load:
    """Threads that send requests all the time, over one connection or a new one for each."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.over = threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        works = (
            self._on_one_connection,
            self._on_one_connection,
            self._on_new_connections,
            self._on_new_connections,
            self._slow_requests,
        )
        self.threads = [threading.Thread(target=work) for work in works]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _on_one_connection(self) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not self.over.is_set():
                self._ask(client, "POST", content=b"x" * 5000)

    def _on_new_connections(self) -> None:
        while not self.over.is_set():
            with httpx.Client(timeout=30, trust_env=False) as client:
                self._ask(client, "GET")

    def _slow_requests(self) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not self.over.is_set():
                self._ask(client, "GET", path="/slow")

    def _ask(
        self, client: httpx.Client, method: str, path: str = "", content: bytes | None = None
    ) -> None:
        try:
            answer = client.request(method, f"{self.address}{path}", content=content)
        except httpx.HTTPError as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return
        if answer.is_success:
            self.answers.append(answer.text)
        else:
            self.failures.append(f"{method} {path}: {answer.status_code}")


def test_no_request_is_lost_over_several_releases(docker_project: Project, tmp_path: Path) -> None:
    """Every request under constant load is answered during several deploys."""
    first = docker_project.invoke("deploy", "web", "--json")

    codes = []
    with Load(url(first, "web")) as load:
        wait_until(lambda: len(load.answers) > 20)
        for number in range(2, 2 + SWAPS):
            app(docker_project, tmp_path, "web", answer=f"web {number}")
            codes.append(docker_project.invoke("deploy", "web").code)

    assert codes == [0] * SWAPS
    assert load.failures == []
    assert {f"web {n}" for n in range(1, 2 + SWAPS)} == set(load.answers)
    assert len(load.answers) > 200
    assert get(url(first, "web")) == f"web {1 + SWAPS}"


def test_a_run_that_is_killed_during_the_replacement(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """After SIGKILL during the replacement the new container serves; the next run cleans up."""
    first = docker_project.invoke("deploy", "web", "--json")
    name, port = app_name("web", tmp_path), int(url(first, "web").rpartition(":")[2])
    app(docker_project, tmp_path, "web", answer="web 2")

    with socket.create_connection(("127.0.0.1", port)) as line:
        # An incomplete request, for which the old container waits as long as it may.
        line.sendall(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 9\r\n\r\n1234")
        with docker_project.start("deploy", "web") as process:
            wait_until(lambda: running(engine_client, tmp_path) == [name, f"{name}.r1.old"])
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
    both = running(engine_client, tmp_path)
    answer = get(url(first, "web"))
    again = docker_project.invoke("deploy", "web", "--json")
    app(docker_project, tmp_path, "web", answer="web 3")
    last = docker_project.invoke("deploy", "web", "--json")

    assert both == [name, f"{name}.r1.old"]
    assert answer == "web 2"
    assert (again.code, deploys(again)) == (0, {"web": "current"})
    assert (last.code, get(url(last, "web"))) == (0, "web 3")
    assert url(last, "web") == url(first, "web")
    assert running(engine_client, tmp_path) == [name]


@pytest.fixture
def own_proxy(docker_project: Project) -> Iterator[Path]:
    """Return the folder of a proxy that only this project uses, and which may be killed."""
    # Not below `tmp_path`: the path of a Unix socket is limited to 108 bytes.
    with TemporaryDirectory(prefix="proxy") as folder:
        docker_project.environ["TMPDIR"] = folder
        yield Path(folder)
        for running in Path(folder).iterdir():
            ProxyClient(running).stop()


def test_a_dead_proxy_is_restarted(docker_project: Project, own_proxy: Path) -> None:
    """The proxy outlives the run; if it dies, the next `status` starts it on the same port."""
    first = docker_project.invoke("deploy-all", "--json")
    (lock,) = own_proxy.glob("*/lock")
    pid = int(lock.read_text())
    answered = get(url(first, "web"))

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))
    status = docker_project.invoke("status", "--json")

    assert answered == "web 1"
    assert status.code == 0, status.err
    assert {a["running"]["url"] for a in status.json["apps"]} == {
        url(first, "api"),
        url(first, "web"),
    }
    assert get(url(first, "web")) == "web 1"


def test_a_crashed_container_answers_again(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """The engine restarts a crashed container, and the proxy finds it again."""
    first = docker_project.invoke("deploy", "web", "--json")
    container = engine_client.containers.get(app_name("web", tmp_path))

    container.restart(timeout=0)

    wait_until(lambda: httpx.get(url(first, "web")).text == "web 1")
