"""An image that is deployed as it is, from any registry: `image` in `image.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docker
import jsonschema
import pytest

from tests.console import schemas
from tests.support.docker import remove_apps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.registry import Registry
    from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture
def name(tmp_path: Path, engine: None) -> Iterator[str]:
    """The app's name, no other test's; its containers are removed at the end."""
    del engine
    app = f"ready-{tmp_path.name.replace('_', '-')}"
    client = docker.from_env()
    try:
        yield app
    finally:
        remove_apps(client, [app])
        client.close()


@pytest.fixture
def shop(project: Project, registry: Registry, name: str) -> Project:
    """`seed` is put under a moving tag, and `hello` deploys that tag without building anything."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    publish(project, "1")
    ready = f'image = "{registry.address}/seed:stable"\n[deploy]\napps = ["{name}"]\n'
    project.write("images/hello/image.toml", ready)
    return project


def publish(project: Project, text: str) -> None:
    """Another image under `seed:stable`."""
    dockerfile = (
        'FROM debian:bookworm-slim\nCOPY seed.txt /\nSTOPSIGNAL SIGKILL\nCMD ["sleep", "inf"]\n'
    )
    project.image("seed", dockerfile, seed_txt=text)
    assert project.invoke("build", "seed").code == 0
    assert project.invoke("promote", "seed", ":stable").code == 0


def planned(project: Project) -> tuple[dict[str, Any], str]:
    """What `plan` says of `hello`, and what it does about its app."""
    ran = project.invoke("plan", "--json")
    assert ran.code == 0, ran.err
    jsonschema.validate(ran.json, schemas.PLAN)
    (hello,) = [image for image in ran.json["images"] if image["name"] == "hello"]
    (step,) = ran.json["deploys"]
    return hello, step["action"]


def test_a_ready_image_is_deployed_and_followed(shop: Project, registry: Registry) -> None:
    """It is never built, also with `--force`; when its tag moves, it is deployed anew."""
    hello, first = planned(shop)
    ran = shop.invoke("deploy-all", "--json")
    forced = shop.invoke("build-all", "--only", "hello", "--force", "--json")
    _, again = planned(shop)
    publish(shop, "2")
    moved, after = planned(shop)
    second = shop.invoke("deploy-all", "--json")
    stands = shop.invoke("status", "--json", "--exit-code")

    assert (first, again, after) == ("deploy", "current", "deploy")
    assert (hello["kind"], hello["action"]) == ("app", "exists")
    assert hello["reference"] == f"{registry.address}/seed:stable"
    assert hello["digest"] != moved["digest"]
    assert ran.statuses()["hello"] == "exists"
    assert (forced.code, forced.statuses()) == (0, {"hello": "exists"}), forced.err
    assert [d["status"] for r in (ran, second) for d in r.json["deploys"]] == ["deployed"] * 2
    assert stands.code == 0, stands.out + stands.err


def test_one_that_does_not_exist_is_told_at_its_file(shop: Project, registry: Registry) -> None:
    """Nobody will build it: wrong use, before anything is done."""
    ready = f'image = "{registry.address}/seed:none"\n[deploy]\napps = ["a"]\n'
    shop.write("images/hello/image.toml", ready)

    ran = shop.invoke("deploy-all")

    assert ran.code == 2
    assert (
        f"images/hello/image.toml:1:9: there is no image `{registry.address}/seed:none`" in ran.err
    )
