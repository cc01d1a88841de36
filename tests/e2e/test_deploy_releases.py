"""Releases of the driver `docker`: going back, process groups, release commands, taking it down."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.docker.containers import Spec
from pipeline.deploy.docker.pull import pull
from pipeline.deploy.errors import DeployError
from pipeline.errors import UnknownError
from pipeline.reference import parse_reference
from pipeline.registry.auth.keychain import credentials
from tests.support.project import Project
from tests.support.shop import SICK, app, called, containers, get, running, url

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from sandbox.registry import Registry
    from tests.support.project import Ran

pytestmark = pytest.mark.engine


def add(shop: Project, text: str) -> None:
    """Say more in the `fly.toml` of `web`: top-level keys, or tables."""
    path = "images/web/fly.toml"
    now = (shop.root / path).read_text()
    shop.write(path, f"{text}\n{now}" if not text.startswith("[") else f"{now}{text}\n")


def versions(shop: Project) -> list[tuple[str, str]]:
    """Version and status of each release of `web`, the newest first."""
    ran = shop.invoke("releases", "web", "--json")
    assert ran.code == 0, ran.err
    return [(r["version"], r["status"]) for r in ran.json["releases"]]


def back(shop: Project) -> Ran:
    """`invoke rollback web`."""
    return shop.invoke("rollback", "web", "--json")


def test_going_back_and_forward(shop: Project, tmp_path: Path, engine_client: DockerClient) -> None:
    """Image and environment of the release before, under the same address; then again."""
    first = shop.invoke("deploy", "web", "--json")
    address = url(first, "web")
    app(shop, tmp_path, "web", answer="web 2")
    path = "images/web/fly.toml"
    shop.write(path, (shop.root / path).read_text().replace("blue", "green"))
    shop.invoke("deploy", "web")
    before = (get(address), get(f"{address}/env"), versions(shop))

    once = back(shop)
    after = (get(address), get(f"{address}/env"), versions(shop))
    twice = back(shop)

    name = called("web", tmp_path)
    assert before == ("web 2", f"{name} green", [("2", "running"), ("1", "stopped")])
    assert once.code == 0, once.err
    assert after == ("web 1", f"{name} blue", [("3", "running"), ("2", "stopped")])
    assert twice.code == 0, twice.err
    assert (get(address), get(f"{address}/env")) == ("web 2", f"{name} green")
    assert versions(shop) == [("4", "running"), ("3", "stopped")]
    assert len(containers(engine_client, tmp_path)) == 2


def test_the_first_release_has_none_before(shop: Project) -> None:
    """Nothing is changed, and it is said why."""
    first = shop.invoke("deploy", "web", "--json")

    ran = back(shop)

    assert ran.code == 1
    assert "there is no previous release" in ran.err
    assert get(url(first, "web")) == "web 1"


def test_each_group_is_a_container(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """With its own command and port; all of them are swapped, or none."""
    add(shop, '[processes]\napp = "perl /server.pl"\njobs = "sleep inf"\nadmin = "perl /server.pl"')
    add(shop, '[[services]]\ninternal_port = 8080\nprocesses = ["admin"]')
    first = shop.invoke("deploy", "web", "--json")
    name = called("web", tmp_path)
    before = running(engine_client, tmp_path)
    add(shop, '[checks.jobs]\ntype = "tcp"\nport = 99\nprocesses = ["jobs"]')
    config = shop.root / "images/web/fly.toml"
    shop.write("images/web/fly.toml", config.read_text().replace("60s", SICK))
    shop.write("images/web/answer", "web 2")
    sick = shop.invoke("deploy", "web", "--json")

    assert first.code == 0, first.err
    assert before == [name, f"{name}.admin", f"{name}.jobs"]
    assert f"`{name}` also answers at tcp://127.0.0.1:" in first.err
    assert sick.code == 1
    assert "`jobs`: not healthy within 4 s: port 99 closes each connection" in sick.err
    assert running(engine_client, tmp_path) == before
    assert get(url(first, "web")) == "web 1"


def test_a_release_command_comes_first(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """In a container of its own on the new image; when it fails, nothing is swapped."""
    first = shop.invoke("deploy", "web", "--json")
    app(shop, tmp_path, "web", answer="web 2")
    path = "images/web/fly.toml"
    text = (shop.root / path).read_text()
    failing = "release_command = \"sh -c 'cat /answer; echo; exit $((6 + RELEASE_COMMAND))'\""
    shop.write(path, text.replace("[deploy]", f"[deploy]\n{failing}"))

    sick = shop.invoke("deploy", "web", "--json")
    still = get(url(first, "web"))
    shop.write(path, text.replace("[deploy]", '[deploy]\nrelease_command = "true"'))
    well = shop.invoke("deploy", "web", "--json")

    assert sick.code == 1
    assert "failed at `release command`" in sick.err
    assert "the release command ended with exit code 7" in sick.err
    assert "web 2" in sick.err
    assert still == "web 1"
    assert well.code == 0, well.err
    assert get(url(well, "web")) == "web 2"
    assert len(containers(engine_client, tmp_path)) == 2


def test_what_is_left_out_is_said(shop: Project, tmp_path: Path) -> None:
    """A volume cannot be had here: it is told, and the app is deployed."""
    add(shop, '[[mounts]]\nsource = "data"\ndestination = "/data"')

    ran = shop.invoke("deploy", "web", "--json")

    assert ran.code == 0, ran.err
    assert f"`{called('web', tmp_path)}`: the driver `docker` ignores mounts" in ran.err


def test_an_image_that_is_gone_is_a_failed_deploy(
    engine_client: DockerClient, registry: Registry
) -> None:
    """It is no lost engine or registry: a further try would not help."""
    image = parse_reference(f"{registry.address}/web@sha256:{7:064x}")

    with pytest.raises(DeployError, match="could not pull"):
        pull(engine_client, Spec("web", image), credentials({}))


def test_a_registry_that_is_gone_is_not(engine_client: DockerClient) -> None:
    """It could not be found out whether the image is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    image = parse_reference(f"127.0.0.1:{port}/web@sha256:{7:064x}")

    with pytest.raises(UnknownError, match="could not pull"):
        pull(engine_client, Spec("web", image), credentials({}))


def test_down_is_for_this_driver_alone(shop: Project) -> None:
    """Wrong use where the settings deploy with another."""
    shop.write("pipeline.toml", (shop.root / "pipeline.toml").read_text().replace("docker", "fly"))

    ran = shop.invoke("down")

    assert ran.code == 2
    assert "`down` is for the driver `docker`" in ran.err


def test_down_leaves_what_other_projects_run(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Their front goes on forwarding, and their containers reach each other."""
    address = url(shop.invoke("deploy", "web", "--json"), "web")
    (tmp_path / "other").mkdir()
    other = Project(tmp_path / "other", shop.log)
    for file in ("tasks.py", "pipeline.toml"):
        other.write(file, (shop.root / file).read_text())
    app(other, tmp_path, "far", answer="far 1")
    far = url(other.invoke("deploy-all", "--json"), "far")
    assert get(far) == "far 1"

    ran = other.invoke("down")

    assert ran.err.startswith("containers removed: 1; left to other projects: "), ran.err
    assert called("web", tmp_path) in ran.err
    assert running(engine_client, tmp_path) == [called("web", tmp_path)]
    assert get(address) == "web 1"
    with pytest.raises(OSError, match="refused"):
        get(far)
    (web,) = containers(engine_client, tmp_path)
    (network,) = engine_client.networks.list(names=["^pipeline$"])
    network.reload()
    assert web.id in {c.id for c in network.containers}
