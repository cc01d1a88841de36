"""An existing image from any registry, deployed as it is: `image` in `image.toml`."""

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

    from tests.support.project import Project
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def name(tmp_path: Path, engine: None) -> Iterator[str]:
    """Return a unique app name; remove its containers at the end."""
    del engine
    app = f"ready-{tmp_path.name.replace('_', '-')}"
    client = docker.from_env()
    try:
        yield app
    finally:
        remove_apps(client, [app])
        client.close()


@pytest.fixture
def sample_project(project: Project, registry: Registry, name: str) -> Project:
    """Push `seed` under a moving tag, and make `hello`, which deploys that tag."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[deploy]\ndriver = "docker"\n')
    publish(project, "1")
    ready = f'image = "{registry.address}/seed:stable"\n[deploy]\napps = ["{name}"]\n'
    project.write("images/hello/image.toml", ready)
    return project


def publish(project: Project, text: str) -> None:
    """Push another image under `seed:stable`."""
    dockerfile = (
        'FROM debian:bookworm-slim\nCOPY seed.txt /\nSTOPSIGNAL SIGKILL\nCMD ["sleep", "inf"]\n'
    )
    project.image("seed", dockerfile, seed_txt=text)
    assert project.invoke("build", "seed").code == 0
    assert project.invoke("promote", "seed", ":stable").code == 0


def planned(project: Project) -> tuple[dict[str, Any], str]:
    """Return the plan of `hello`, and the action for its app."""
    ran = project.invoke("plan", "--json")
    assert ran.code == 0, ran.err
    jsonschema.validate(ran.json, schemas.PLAN)
    (hello,) = [image for image in ran.json["images"] if image["name"] == "hello"]
    (step,) = ran.json["deploys"]
    return hello, step["action"]


def test_an_existing_image_is_deployed_again_when_its_tag_moves(
    sample_project: Project, registry: Registry
) -> None:
    """It is never built, also with `--force`; a moved tag is deployed again."""
    hello, first = planned(sample_project)
    ran = sample_project.invoke("deploy-all", "--json")
    forced = sample_project.invoke("build-all", "--only", "hello", "--force", "--json")
    _, again = planned(sample_project)
    publish(sample_project, "2")
    moved, after = planned(sample_project)
    second = sample_project.invoke("deploy-all", "--json")
    stands = sample_project.invoke("status", "--json", "--exit-code")

    assert (first, again, after) == ("deploy", "current", "deploy")
    assert (hello["kind"], hello["action"]) == ("app", "exists")
    assert hello["reference"] == f"{registry.address}/seed:stable"
    assert hello["digest"] != moved["digest"]
    assert ran.statuses()["hello"] == "exists"
    assert (forced.code, forced.statuses()) == (0, {"hello": "exists"}), forced.err
    assert [d["status"] for r in (ran, second) for d in r.json["deploys"]] == ["deployed"] * 2
    assert stands.code == 0, stands.out + stands.err


def test_a_missing_image_is_reported_with_its_file(
    sample_project: Project, registry: Registry
) -> None:
    """A missing image is reported with its file before anything is done, with exit code 2."""
    ready = f'image = "{registry.address}/seed:none"\n[deploy]\napps = ["a"]\n'
    sample_project.write("images/hello/image.toml", ready)

    ran = sample_project.invoke("deploy-all")

    assert ran.code == 2
    assert (
        f"images/hello/image.toml:1:9: there is no image `{registry.address}/seed:none`" in ran.err
    )
