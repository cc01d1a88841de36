"""A registry that fails for a moment while images are pushed and bases read: it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.registry import Certificate
from tests.faults.truth import Truth
from tests.support.faults import Fault, Reply, faulty
from tests.support.project import Project
from tests.support.secured import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.faults import Asked, Proxy

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

TOKEN = "a-token"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """A registry that does what it is asked, unless it is told otherwise."""
    folder = tmp_path / "registry"
    with secured_registry(folder, user="x", password=TOKEN) as (registry, _):
        made = Certificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")
        with faulty(registry, made) as running:
            yield running


@pytest.fixture
def shop(tmp_path: Path, proxy: Proxy) -> Project:
    """A project of one image and its base."""
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


class Busy:
    """503 to the first `times` requests of the engine's, which does not ask again by itself."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, asked: Asked) -> Fault | None:
        """Choose for a request."""
        if not asked.agent.startswith("docker/") or not self.left:
            return None
        self.left -= 1
        return Fault("503", instead=Reply(503))


def test_a_push_that_met_a_busy_registry(shop: Project, proxy: Proxy) -> None:
    """It is told, and done again; nothing that was pushed is built again."""
    proxy.choose = busy = Busy(1)

    ran = shop.invoke("build-all", "--json")

    assert not busy.left
    assert ran.code == 0, ran.err
    assert ran.err.count("trying again") == 1, ran.err
    assert "503" in ran.err
    assert set(ran.statuses().values()) == {"built"}
    assert shop.invoke("plan").code == 0


def test_a_registry_that_stays_busy(shop: Project, proxy: Proxy) -> None:
    """Three attempts, then the image failed, with what the registry said."""
    proxy.choose = Busy(1000)

    ran = shop.invoke("build-all", "--json")

    assert ran.code == 1, ran.err
    assert ran.err.count("trying again") == 2, ran.err
    assert "failed" in ran.statuses().values()
    assert any("503" in image["reason"] for image in ran.json["images"]), ran.out


def test_a_push_that_is_refused_is_not_tried_again(shop: Project, proxy: Proxy) -> None:
    """It would be refused again."""

    def refuse(asked: Asked) -> Fault | None:
        refused = asked.agent.startswith("docker/") and asked.method != "GET"
        return Fault("403", instead=Reply(403)) if refused else None

    proxy.choose = refuse

    ran = shop.invoke("build-all", "--json")

    assert ran.code == 1, ran.err
    assert "trying again" not in ran.err
    assert any("403" in image["reason"] for image in ran.json["images"]), ran.out


def test_what_was_tested_first_is_pushed_again_too(shop: Project, proxy: Proxy) -> None:
    """The engine pushes it when its test has passed, which is not run again."""
    shop.image(
        "web",
        f"FROM debian:bookworm-slim\nRUN echo {proxy.address} > /x\n",
        image_toml='[test]\ncommand = ["echo", "tested"]\n',
    )
    proxy.choose = busy = Busy(1)

    ran = shop.invoke("build", "web", "--json")

    assert not busy.left
    assert ran.code == 0, ran.err
    assert ran.err.count("trying again") == 1, ran.err
    assert ran.err.count("|   tested\n") == 1, ran.err
    assert shop.invoke("exists", "web").code == 0


def test_a_base_that_the_engine_was_sent_wrongly(
    shop: Project, proxy: Proxy, tmp_path: Path
) -> None:
    """The engine keeps a login page and takes the manifest up behind it: how to go on is said."""
    reference = shop.invoke("exists", "base", "--json").json["reference"]
    truth = Truth(proxy.address, tmp_path / "registry" / "ca.pem", "x", TOKEN)
    # Only what the engine has not made itself does it read. No other test has this repository.
    shop.write("pipeline.toml", f'[registry]\nrepository = "{proxy.address[-5:]}/{{name}}"\n')
    tag = reference.rpartition(":")[2]
    truth.put(f"{proxy.address[-5:]}/base", tag)
    asked: list[str] = []

    def login_page(request: Asked) -> Fault | None:
        reads = request.method == "GET" and "/manifests/sha256:" in request.path
        if not reads or not request.agent.startswith("buildkit/") or asked:
            return None
        asked.append(request.path)
        return Fault("200 html", instead=Reply(200, {"Content-Type": "text/html"}, b"<html>"))

    proxy.choose = login_page

    ran = shop.invoke("build-all")
    again = shop.invoke("build-all")
    forced = shop.invoke("build", "base", "--force")
    mended = shop.invoke("build-all")

    assert asked
    assert [one.code for one in (ran, again, forced, mended)] == [1, 1, 0, 0], mended.err
    assert "trying again" in ran.err
    assert "invoke build NAME --force" in ran.err
    assert "invoke build NAME --force" in again.err
