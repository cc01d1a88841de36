"""A registry that fails for a moment during pushes and reads of bases: they are retried."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.abilities import read_version
from sandbox.registry import Certificate
from tests.faults.truth import Truth
from tests.support.faults import Fault, Reply, faulty_proxy
from tests.support.project import Project
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.faults import Proxy, Request

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

TOKEN = "a-token"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """Start a registry behind a proxy that can inject faults."""
    folder = tmp_path / "registry"
    with secured_registry(folder, user="x", password=TOKEN) as (registry, _):
        made = Certificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")
        with faulty_proxy(registry, made) as running:
            yield running


@pytest.fixture
def sample_project(tmp_path: Path, proxy: Proxy) -> Project:
    """Make an image and its base."""
    environ = {
        "SSL_CERT_FILE": str(tmp_path / "registry" / "ca.pem"),
        "FLY_REGISTRY_HOST": proxy.address,
        "FLY_API_TOKEN": TOKEN,
    }
    made = Project(tmp_path / "project", tmp_path / "registry" / "registry.log", environ)
    made.write("tasks.py", "from pipeline.tasks import ns\n")
    made.write("pipeline.toml", "")
    made.image("base", "FROM scratch\nCOPY at.txt /\n", at_txt=proxy.address)
    made.image("web", "FROM base\nCOPY web.txt /\n", web_txt="web")
    return made


@pytest.fixture
def pushing_engine() -> None:
    """Skip a test of the engine where BuildKit alone pushes: with buildx from 0.22 on."""
    said = subprocess.run(
        ["docker", "buildx", "version"], capture_output=True, text=True, check=True
    ).stdout
    _, version = read_version(said)
    if version is None or version >= (0, 22):
        pytest.skip("with this buildx, the engine does not push what BuildKit has built")


class Busy:
    """Answers 503 to the engine's first `times` requests; the engine itself does not retry."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, request: Request) -> Fault | None:
        """Choose the fault of a request."""
        if not request.agent.startswith("docker/") or not self.left:
            return None
        self.left -= 1
        return Fault("503", instead=Reply(503))


@pytest.mark.usefixtures("pushing_engine")
def test_a_push_to_a_busy_registry_is_retried(sample_project: Project, proxy: Proxy) -> None:
    """The retry is reported, and pushed images are not built again."""
    proxy.choose = busy = Busy(1)

    ran = sample_project.invoke("build-all", "--json")

    assert not busy.left
    assert ran.code == 0, ran.err
    assert ran.err.count("trying again") == 1, ran.err
    assert "503" in ran.err
    assert set(ran.statuses().values()) == {"built"}
    assert sample_project.invoke("plan").code == 0


@pytest.mark.usefixtures("pushing_engine")
def test_a_registry_that_stays_busy(sample_project: Project, proxy: Proxy) -> None:
    """After three attempts the image has failed, with the registry's message."""
    proxy.choose = Busy(1000)

    ran = sample_project.invoke("build-all", "--json")

    assert ran.code == 1, ran.err
    assert ran.err.count("trying again") == 2, ran.err
    assert "failed" in ran.statuses().values()
    assert any("503" in image["reason"] for image in ran.json["images"]), ran.out


@pytest.mark.usefixtures("pushing_engine")
def test_a_refused_push_is_not_retried(sample_project: Project, proxy: Proxy) -> None:
    """A refused push is not retried."""

    def refuse(request: Request) -> Fault | None:
        refused = request.agent.startswith("docker/") and request.method != "GET"
        return Fault("403", instead=Reply(403)) if refused else None

    proxy.choose = refuse

    ran = sample_project.invoke("build-all", "--json")

    assert ran.code == 1, ran.err
    assert "trying again" not in ran.err
    assert any("403" in image["reason"] for image in ran.json["images"]), ran.out


def test_a_push_after_a_test_is_retried(sample_project: Project, proxy: Proxy) -> None:
    """After a passed test the engine's push is retried, the test is not run again."""
    sample_project.image(
        "web",
        f"FROM debian:bookworm-slim\nRUN echo {proxy.address} > /x\n",
        image_toml='[test]\ncommand = ["echo", "tested"]\n',
    )
    proxy.choose = busy = Busy(1)

    ran = sample_project.invoke("build", "web", "--json")

    assert not busy.left
    assert ran.code == 0, ran.err
    assert ran.err.count("trying again") == 1, ran.err
    assert ran.err.count("|   tested\n") == 1, ran.err
    assert sample_project.invoke("exists", "web").code == 0


def test_a_base_that_the_engine_stored_wrongly(
    sample_project: Project, proxy: Proxy, tmp_path: Path
) -> None:
    """An engine that stored a login page as a layer fails with a hint how to remove it."""
    reference = sample_project.invoke("exists", "base", "--json").json["reference"]
    truth = Truth(proxy.address, tmp_path / "registry" / "ca.pem", "x", TOKEN)
    # The engine reads only images that it did not build. No other test uses this repository.
    sample_project.write(
        "pipeline.toml", f'[registry]\nrepository = "{proxy.address[-5:]}/{{name}}"\n'
    )
    tag = reference.rpartition(":")[2]
    truth.put(f"{proxy.address[-5:]}/base", tag)
    answered: list[str] = []

    def login_page(request: Request) -> Fault | None:
        reads = request.method == "GET" and "/manifests/sha256:" in request.path
        if not reads or not request.agent.startswith("buildkit/") or answered:
            return None
        answered.append(request.path)
        return Fault("200 html", instead=Reply(200, {"Content-Type": "text/html"}, b"<html>"))

    proxy.choose = login_page

    ran = sample_project.invoke("build-all")
    again = sample_project.invoke("build-all")
    forced = sample_project.invoke("build", "base", "--force")
    mended = sample_project.invoke("build-all")

    assert answered
    assert [one.code for one in (ran, again, forced, mended)] == [1, 1, 0, 0], mended.err
    assert "trying again" in ran.err
    assert "invoke build NAME --force" in ran.err
    assert "invoke build NAME --force" in again.err
