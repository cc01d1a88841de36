"""`invoke deploy-all` with the driver `docker`: real containers on the real engine."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import patiently
from tests.support.shop import SICK, app, called, containers, deploys, get, running, url

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_apps_are_deployed_once(shop: Project, tmp_path: Path) -> None:
    """The first run builds and deploys both, and they answer; the second finds them current."""
    first = shop.invoke("deploy-all", "--json")
    second = shop.invoke("deploy-all", "--json")

    assert first.code == second.code == 0, first.err + second.err
    assert deploys(first) == {"api": "deployed", "web": "deployed"}
    assert deploys(second) == {"api": "current", "web": "current"}
    assert get(url(first, "api")) == "api 1"
    assert get(url(second, "web")) == "web 1"
    assert get(f"{url(second, 'web')}/env") == f"{called('web', tmp_path)} blue"


def test_only_what_changed_is_deployed(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """One app's source changes: it alone is swapped, under its address; the old one is stopped."""
    first = shop.invoke("deploy-all", "--json")
    before = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    shop.write("images/web/answer", "web 2")

    planned = shop.invoke("plan", "--json")
    second = shop.invoke("deploy-all", "--json")

    after = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}
    assert first.code == second.code == 0, first.err + second.err
    assert {d["image"]: d["action"] for d in planned.json["deploys"]} == {
        "api": "current",
        "web": "deploy",
    }
    assert deploys(second) == {"api": "current", "web": "deployed"}
    assert get(url(second, "web")) == "web 2"
    assert url(second, "web") == url(first, "web")
    assert before[called("api", tmp_path)] == after[called("api", tmp_path)]
    assert running(engine_client, tmp_path) == [called("api", tmp_path), called("web", tmp_path)]


def test_another_configuration_alone_is_deployed(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Nothing is built; a comment is no change; `--force` deploys what is current."""
    shop.invoke("deploy-all", "--json")
    file = shop.root / "images/web/fly.toml"
    file.write_text(f"# a comment\n{file.read_text()}".replace("blue", "red"))
    api = shop.root / "images/api/fly.toml"
    api.write_text(f"# a comment\n{api.read_text()}")
    before = {c.labels["pipeline.app"]: c.id for c in containers(engine_client, tmp_path)}

    ran = shop.invoke("deploy-all", "--json")
    forced = shop.invoke("deploy-all", "--only", "api", "--force", "--json")

    assert ran.code == forced.code == 0, ran.err + forced.err
    assert ran.statuses() == {"api": "exists", "web": "exists"}
    assert deploys(ran) == {"api": "current", "web": "deployed"}
    assert get(f"{url(ran, 'web')}/env") == f"{called('web', tmp_path)} red"
    reasons = {d["image"]: d["reason"] for d in (*ran.json["deploys"], *forced.json["deploys"])}
    assert reasons == {"web": "its configuration differs: `[env] COLOUR`", "api": "forced"}
    assert deploys(forced) == {"api": "deployed"}
    served = [c for c in containers(engine_client, tmp_path) if c.name == called("api", tmp_path)]
    assert served[0].id != before[called("api", tmp_path)]


@pytest.mark.parametrize(
    ("status", "why"),
    [("500 Broken", "/healthz answers 500"), ("crash", "it ended with exit code 3")],
)
def test_what_is_not_healthy_does_not_take_over(
    shop: Project, tmp_path: Path, engine_client: DockerClient, status: str, why: str
) -> None:
    """The old one goes on; it is said what the new one answered, and what it wrote."""
    shop.invoke("deploy-all", "--json")
    app(shop, tmp_path, "web", answer="web 2", status=status)

    ran = shop.invoke("deploy", "web", "--json")
    planned = shop.invoke("plan", "--json")

    assert ran.code == 1, ran.err
    assert deploys(ran) == {"web": "failed"}
    assert why in ran.err
    assert f"status is {status}" in ran.err
    (old,) = [c for c in containers(engine_client, tmp_path) if c.name == called("web", tmp_path)]
    port = old.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
    assert get(f"http://127.0.0.1:{port}") == "web 1"
    assert old.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert len(containers(engine_client, tmp_path)) == 2
    assert {d["image"]: d["action"] for d in planned.json["deploys"]}["web"] == "deploy"


def test_one_app_by_its_name(shop: Project, tmp_path: Path) -> None:
    """`deploy` takes images and apps; what was not named is not touched."""
    ran = shop.invoke("deploy", called("api", tmp_path), "--json")

    assert ran.code == 0, ran.err
    assert deploys(ran) == {"api": "deployed"}
    assert {image["name"] for image in ran.json["images"]} == {"api"}


def test_an_interrupted_deploy_leaves_what_ran(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Ctrl-C while the new one is not yet healthy: exit 130, and the old one goes on."""
    shop.invoke("deploy-all", "--json")
    app(shop, tmp_path, "web", answer="web 2", status="500 Broken")
    shop.write(
        "images/web/fly.toml",
        (shop.root / "images/web/fly.toml").read_text().replace(SICK, "120s"),
    )

    with shop.start("deploy", "web", "--json") as process:
        patiently(lambda: len(containers(engine_client, tmp_path)) == 3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=110)

    assert process.returncode == 130, out + err
    assert '"status": "failed"' in out
    assert "interrupted before it was healthy" in out
    assert len(containers(engine_client, tmp_path)) == 2


def test_a_swap_that_was_cut_goes_on_serving(
    shop: Project, tmp_path: Path, engine_client: DockerClient
) -> None:
    """Killed between the two renames: what served serves on, until a healthy one takes over."""
    shop.invoke("deploy", "web")
    name = called("web", tmp_path)
    (old,) = containers(engine_client, tmp_path)
    old.rename(f"{name}.r1.old")
    engine_client.containers.create(
        old.attrs["Image"], name=f"{name}.r2", labels={**old.labels, "pipeline.release": "2"}
    )
    app(shop, tmp_path, "web", answer="web 3", status="500 Broken")

    status = shop.invoke("status", "--only", "web", "--json")
    sick = shop.invoke("deploy", "web", "--json")
    old.reload()
    went_on = old.status
    app(shop, tmp_path, "web", answer="web 3")
    well = shop.invoke("deploy", "web", "--json")

    assert status.json["apps"][0]["state"] == "outdated"
    assert status.json["apps"][0]["running"]["release"] == "1"
    assert (sick.code, went_on) == (1, "running"), sick.err
    assert well.code == 0, well.err
    assert get(url(well, "web")) == "web 3"
    assert running(engine_client, tmp_path) == [name]


def test_an_engine_that_is_gone_is_not_a_failed_app(shop: Project, tmp_path: Path) -> None:
    """What runs cannot be found out: exit 4, before anything is done."""
    shop.invoke("build-all")

    ran = shop.invoke("deploy-all", environ={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})

    assert ran.code == 4
    assert "no Docker engine answers" in ran.err
