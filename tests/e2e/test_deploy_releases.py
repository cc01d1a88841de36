"""Releases of the driver `docker`: rollback, process groups, release commands, `down`."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from pipeline.deploy.docker.containers import Spec
from pipeline.deploy.docker.pull import pull
from pipeline.deploy.errors import DeployError
from pipeline.errors import UnknownError
from pipeline.reference import parse_reference
from pipeline.registry.auth.keychain import credentials
from tests.support.docker_apps import (
    UNHEALTHY_TIMEOUT,
    app,
    app_name,
    containers,
    get,
    running,
    url,
)
from tests.support.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Ran
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine


def add(docker_project: Project, text: str) -> None:
    """Add top-level keys or tables to the `fly.toml` of `web`."""
    path = "images/web/fly.toml"
    now = (docker_project.root / path).read_text()
    docker_project.write(path, f"{text}\n{now}" if not text.startswith("[") else f"{now}{text}\n")


def versions(docker_project: Project) -> list[tuple[str, str]]:
    """Return version and status of each release of `web`, newest first."""
    ran = docker_project.invoke("releases", "web", "--json")
    assert ran.code == 0, ran.err
    return [(r["version"], r["status"]) for r in ran.json["releases"]]


def roll_back(docker_project: Project) -> Ran:
    """Run `invoke rollback web`."""
    return docker_project.invoke("rollback", "web", "--json")


def test_rollback_twice(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """A rollback restores image and environment under the same URL, and holds the app there.

    A second one has no release to go back to; `--to` goes to any that is kept.
    """
    first = docker_project.invoke("deploy", "web", "--json")
    address = url(first, "web")
    app(docker_project, tmp_path, "web", answer="web 2")
    path = "images/web/fly.toml"
    docker_project.write(path, (docker_project.root / path).read_text().replace("blue", "green"))
    docker_project.invoke("deploy", "web")
    before = (get(address), get(f"{address}/env"), versions(docker_project))

    once = roll_back(docker_project)
    after = (get(address), get(f"{address}/env"), versions(docker_project))
    held = docker_project.invoke("deploy", "web", "--json")
    twice = roll_back(docker_project)
    forward = docker_project.invoke("rollback", "web", "--to", "2", "--json")

    name = app_name("web", tmp_path)
    assert before == ("web 2", f"{name} green", [("2", "running"), ("1", "stopped")])
    assert once.code == 0, once.err
    kept = [("3", "running"), ("2", "stopped"), ("1", "stopped")]
    assert after == ("web 1", f"{name} blue", kept)
    assert (held.code, held.json["deploys"][0]["status"]) == (0, "held")
    assert twice.code == 1
    assert "there is no previous release" in twice.err
    assert forward.code == 0, forward.err
    assert (get(address), get(f"{address}/env")) == ("web 2", f"{name} green")
    assert versions(docker_project) == [("4", "running"), *[(v, "stopped") for v, _ in kept]]
    assert len(containers(engine_client, tmp_path)) == 4


def test_rollback_of_the_first_release(docker_project: Project) -> None:
    """A rollback of the first release changes nothing and says why."""
    first = docker_project.invoke("deploy", "web", "--json")

    ran = roll_back(docker_project)

    assert ran.code == 1
    assert "there is no previous release" in ran.err
    assert get(url(first, "web")) == "web 1"


def test_each_group_is_a_container(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Each process group has a container with its command and port; all are replaced, or none."""
    add(
        docker_project,
        '[processes]\napp = "perl /server.pl"\njobs = "sleep inf"\nadmin = "perl /server.pl"',
    )
    add(docker_project, '[[services]]\ninternal_port = 8080\nprocesses = ["admin"]')
    first = docker_project.invoke("deploy", "web", "--json")
    name = app_name("web", tmp_path)
    before = running(engine_client, tmp_path)
    add(docker_project, '[checks.jobs]\ntype = "tcp"\nport = 99\nprocesses = ["jobs"]')
    config = docker_project.root / "images/web/fly.toml"
    docker_project.write(
        "images/web/fly.toml", config.read_text().replace("60s", UNHEALTHY_TIMEOUT)
    )
    docker_project.write("images/web/answer", "web 2")
    sick = docker_project.invoke("deploy", "web", "--json")

    assert first.code == 0, first.err
    assert before == [name, f"{name}.admin", f"{name}.jobs"]
    assert f"`{name}` also answers at tcp://127.0.0.1:" in first.err
    assert sick.code == 1
    assert "`jobs`: not healthy within 4 s: port 99 closes each connection" in sick.err
    assert running(engine_client, tmp_path) == before
    assert get(url(first, "web")) == "web 1"


def test_a_release_command_comes_first(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """The release command runs in a container of the new image; its failure stops the deploy."""
    first = docker_project.invoke("deploy", "web", "--json")
    app(docker_project, tmp_path, "web", answer="web 2")
    path = "images/web/fly.toml"
    text = (docker_project.root / path).read_text()
    failing = "release_command = \"sh -c 'cat /answer; echo; exit $((6 + RELEASE_COMMAND))'\""
    docker_project.write(path, text.replace("[deploy]", f"[deploy]\n{failing}"))

    sick = docker_project.invoke("deploy", "web", "--json")
    still = get(url(first, "web"))
    docker_project.write(path, text.replace("[deploy]", '[deploy]\nrelease_command = "true"'))
    well = docker_project.invoke("deploy", "web", "--json")

    assert sick.code == 1
    assert "failed at `release command`" in sick.err
    assert "the release command ended with exit code 7" in sick.err
    assert "web 2" in sick.err
    assert still == "web 1"
    assert well.code == 0, well.err
    assert get(url(well, "web")) == "web 2"
    assert len(containers(engine_client, tmp_path)) == 2


def test_unsupported_settings_are_reported(docker_project: Project, tmp_path: Path) -> None:
    """An unsupported volume is reported, and the app is deployed."""
    add(docker_project, '[[mounts]]\nsource = "data"\ndestination = "/data"')

    ran = docker_project.invoke("deploy", "web", "--json")

    assert ran.code == 0, ran.err
    assert f"`{app_name('web', tmp_path)}`: the driver `docker` ignores mounts" in ran.err


def test_a_missing_image_is_a_failed_deploy(
    engine_client: DockerClient, registry: Registry
) -> None:
    """A missing image is a failed deploy: another try would not help."""
    image = parse_reference(f"{registry.address}/web@sha256:{7:064x}")

    with pytest.raises(DeployError, match="could not pull"):
        pull(engine_client, Spec("web", image), credentials({}))


def test_an_unreachable_registry_is_not_a_failed_deploy(engine_client: DockerClient) -> None:
    """An unreachable registry gives exit code 4."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    image = parse_reference(f"127.0.0.1:{port}/web@sha256:{7:064x}")

    with pytest.raises(UnknownError, match="could not pull"):
        pull(engine_client, Spec("web", image), credentials({}))


def test_down_with_another_driver(docker_project: Project) -> None:
    """`down` is wrong usage if the settings name another driver."""
    docker_project.write(
        "pipeline.toml",
        (docker_project.root / "pipeline.toml").read_text().replace("docker", "fly"),
    )

    ran = docker_project.invoke("down")

    assert ran.code == 2
    assert "`down` is for the driver `docker`" in ran.err


def test_down_leaves_what_other_projects_run(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """`down` leaves the proxy and the containers of other projects running.

    An app that no image has any more is an orphan: `status` shows it, `down --orphans` removes it.
    """
    address = url(docker_project.invoke("deploy", "web", "--json"), "web")
    (tmp_path / "other").mkdir()
    other = Project(tmp_path / "other", docker_project.log)
    for file in ("tasks.py", "pipeline.toml"):
        other.write(file, (docker_project.root / file).read_text())
    app(other, tmp_path, "far", answer="far 1")
    app(other, tmp_path, "old", answer="old 1")
    deployed = other.invoke("deploy-all", "--json")
    far, old = url(deployed, "far"), url(deployed, "old")
    assert (get(far), get(old)) == ("far 1", "old 1")

    shutil.rmtree(other.root / "images/old")
    orphans = [one["app"] for one in other.invoke("status", "--json").json["orphans"]]
    assert orphans == [app_name("old", tmp_path)]
    ran = other.invoke("down", "--orphans")
    assert ran.out.startswith("containers removed: 1; left to other projects: "), ran.err
    assert app_name("far", tmp_path) not in ran.out
    assert get(far) == "far 1"
    with pytest.raises(OSError, match="refused"):
        get(old)
    assert other.invoke("status", "--json").json["orphans"] == []
    assert docker_project.invoke("status", "--json").json["orphans"] == []

    ran = other.invoke("down")

    assert ran.out.startswith("containers removed: 1; left to other projects: "), ran.err
    assert app_name("web", tmp_path) in ran.out
    assert running(engine_client, tmp_path) == [app_name("web", tmp_path)]
    assert get(address) == "web 1"
    with pytest.raises(OSError, match="refused"):
        get(far)
    (web,) = containers(engine_client, tmp_path)
    (network,) = engine_client.networks.list(names=["^pipeline$"])
    network.reload()
    assert web.id in {c.id for c in network.containers}
