"""`invoke deploy-all` with the driver `docker`: real containers on the real engine."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.docker_apps import (
    UNHEALTHY_TIMEOUT,
    app,
    app_name,
    containers,
    deploys,
    get,
    running,
    url,
)
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_apps_are_deployed_once(docker_project: Project, tmp_path: Path) -> None:
    """The first run builds and deploys both apps, which answer; in the second they are current."""
    first = docker_project.invoke("deploy-all", "--json")
    second = docker_project.invoke("deploy-all", "--json")

    assert first.code == second.code == 0, first.err + second.err
    assert deploys(first) == {"api": "deployed", "web": "deployed"}
    assert deploys(second) == {"api": "current", "web": "current"}
    assert get(url(first, "api")) == "api 1"
    assert get(url(second, "web")) == "web 1"
    assert get(f"{url(second, 'web')}/env") == f"{app_name('web', tmp_path)} blue"


def test_only_what_changed_is_deployed(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Only the changed app gets a new container, with the same URL; the old one is stopped."""
    first = docker_project.invoke("deploy-all", "--json")
    before = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    docker_project.write("images/web/answer", "web 2")

    planned = docker_project.invoke("plan", "--json")
    second = docker_project.invoke("deploy-all", "--json")

    after = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    assert first.code == second.code == 0, first.err + second.err
    assert {d["image"]: d["action"] for d in planned.json["deploys"]} == {
        "api": "current",
        "web": "deploy",
    }
    assert deploys(second) == {"api": "current", "web": "deployed"}
    assert get(url(second, "web")) == "web 2"
    assert url(second, "web") == url(first, "web")
    assert before[app_name("api", tmp_path)] == after[app_name("api", tmp_path)]
    assert running(engine_client, tmp_path) == [
        app_name("api", tmp_path),
        app_name("web", tmp_path),
    ]


def test_another_configuration_alone_is_deployed(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """A changed configuration is deployed without a build; a changed comment is not."""
    docker_project.invoke("deploy-all", "--json")
    file = docker_project.root / "images/web/fly.toml"
    file.write_text(f"# a comment\n{file.read_text()}".replace("blue", "red"))
    api = docker_project.root / "images/api/fly.toml"
    api.write_text(f"# a comment\n{api.read_text()}")
    before = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}

    ran = docker_project.invoke("deploy-all", "--json")
    forced = docker_project.invoke("deploy-all", "--only", "api", "--force", "--json")

    assert ran.code == forced.code == 0, ran.err + forced.err
    assert ran.statuses() == {"api": "exists", "web": "exists"}
    assert deploys(ran) == {"api": "current", "web": "deployed"}
    assert get(f"{url(ran, 'web')}/env") == f"{app_name('web', tmp_path)} red"
    reasons = {d["image"]: d["reason"] for d in (*ran.json["deploys"], *forced.json["deploys"])}
    assert reasons == {"web": "its configuration differed: `[env] COLOUR`", "api": "forced"}
    assert deploys(forced) == {"api": "deployed"}
    served = [c for c in containers(engine_client, tmp_path) if c.name == app_name("api", tmp_path)]
    assert served[0].id != before[app_name("api", tmp_path)]


@pytest.mark.parametrize(
    ("status", "why"),
    [("500 Broken", "/healthz answers 500"), ("crash", "it ended with exit code 3")],
)
def test_an_unhealthy_container_does_not_replace_the_old_one(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient, status: str, why: str
) -> None:
    """The old container stays; the error has the response and the log of the new one."""
    docker_project.invoke("deploy-all", "--json")
    app(docker_project, tmp_path, "web", answer="web 2", status=status)

    ran = docker_project.invoke("deploy", "web", "--json")
    planned = docker_project.invoke("plan", "--json")

    assert ran.code == 1, ran.err
    assert deploys(ran) == {"web": "failed"}
    assert why in ran.err
    assert f"status is {status}" in ran.err
    (old,) = [c for c in containers(engine_client, tmp_path) if c.name == app_name("web", tmp_path)]
    port = old.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
    assert get(f"http://127.0.0.1:{port}") == "web 1"
    assert old.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert len(containers(engine_client, tmp_path)) == 2
    assert {d["image"]: d["action"] for d in planned.json["deploys"]}["web"] == "deploy"


def test_one_app_by_its_name(docker_project: Project, tmp_path: Path) -> None:
    """`deploy` accepts images and apps and leaves all others alone."""
    ran = docker_project.invoke("deploy", app_name("api", tmp_path), "--json")

    assert ran.code == 0, ran.err
    assert deploys(ran) == {"api": "deployed"}
    assert {image["name"] for image in ran.json["images"]} == {"api"}


def test_an_interrupted_deploy_leaves_what_ran(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Ctrl-C before the new container is healthy exits with 130; the old one stays."""
    docker_project.invoke("deploy-all", "--json")
    app(docker_project, tmp_path, "web", answer="web 2", status="500 Broken")
    docker_project.write(
        "images/web/fly.toml",
        (docker_project.root / "images/web/fly.toml")
        .read_text()
        .replace(UNHEALTHY_TIMEOUT, "120s"),
    )

    with docker_project.start("deploy", "web", "--json") as process:
        wait_until(lambda: len(containers(engine_client, tmp_path)) == 3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=110)

    assert process.returncode == 130, out + err
    assert '"status": "failed"' in out
    assert "interrupted before it was healthy" in out
    assert len(containers(engine_client, tmp_path)) == 2


def test_a_killed_replacement_keeps_serving(
    docker_project: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """After a kill between the two renames the old container serves until it is replaced."""
    docker_project.invoke("deploy", "web")
    name = app_name("web", tmp_path)
    (old,) = containers(engine_client, tmp_path)
    old.rename(f"{name}.r1.old")
    engine_client.containers.create(
        old.attrs["Image"], name=f"{name}.r2", labels={**old.labels, "pipeline.release": "2"}
    )
    app(docker_project, tmp_path, "web", answer="web 3", status="500 Broken")

    status = docker_project.invoke("status", "--only", "web", "--json")
    sick = docker_project.invoke("deploy", "web", "--json")
    old.reload()
    went_on = old.status
    app(docker_project, tmp_path, "web", answer="web 3")
    well = docker_project.invoke("deploy", "web", "--json")

    assert status.json["apps"][0]["state"] == "outdated"
    assert status.json["apps"][0]["running"]["release"] == "1"
    assert (sick.code, went_on) == (1, "running"), sick.err
    assert well.code == 0, well.err
    assert get(url(well, "web")) == "web 3"
    assert running(engine_client, tmp_path) == [name]


def test_an_engine_that_is_gone_is_not_a_failed_app(
    docker_project: Project, tmp_path: Path
) -> None:
    """Without an engine the run exits with 4 before it does anything."""
    docker_project.invoke("build-all")

    ran = docker_project.invoke(
        "deploy-all", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    )

    assert ran.code == 4
    assert "no Docker engine answers" in ran.err
