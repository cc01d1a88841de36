"""All images in the repository of one Fly app: no `{name}`, and tags with the image's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import pytest

from tests.support.docker import remove_apps
from tests.support.project import three_levels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.project import Project
    from tests.support.registries import Registry

pytestmark = pytest.mark.engine


@pytest.fixture
def names(tmp_path: Path, engine: None) -> Iterator[dict[str, str]]:
    """Return unique app names by image; remove their containers at the end."""
    del engine
    apps = {image: f"{image}-{tmp_path.name.replace('_', '-')}" for image in ("api", "web")}
    client = docker.from_env()
    try:
        yield apps
    finally:
        remove_apps(client, apps.values())
        client.close()


@pytest.fixture
def sample_project(project: Project, names: dict[str, str]) -> Project:
    """Make two bases and two apps in the repository `acme-images`."""
    settings = (project.root / "pipeline.toml").read_text()
    together = 'repository = "acme-images"\ntag = "{name}-{fingerprint}"\n'
    project.write("pipeline.toml", f'{settings}{together}[deploy]\ndriver = "docker"\n')
    three_levels(project)
    for image, app in names.items():
        file = project.root / "images" / image / "Dockerfile"
        file.write_text(f'{file.read_text()}STOPSIGNAL SIGKILL\nCMD ["sleep", "inf"]\n')
        project.write(f"images/{image}/image.toml", f'[deploy]\napps = ["{app}"]\n')
    return project


def test_all_images_live_in_one_repository(
    sample_project: Project, registry: Registry, names: dict[str, str]
) -> None:
    """They are built, planned and deployed as in repositories of their own."""
    first = sample_project.invoke("deploy-all", "--json")
    bases = sample_project.invoke("build-all", "--json")
    before = len(sample_project.requests())
    planned = sample_project.invoke("plan", "--json", "--exit-code")
    asked = sample_project.requests()[before:]
    sample_project.write("images/web/web.txt", "web 2\n")
    second = sample_project.invoke("deploy-all", "--json")
    stands = sample_project.invoke("status", "--exit-code")

    assert first.code == second.code == stands.code == 0, first.err + second.err + stands.out
    assert {i["name"]: i["reference"].rpartition("-")[0] for i in bases.json["images"]} == {
        name: f"{registry.address}/acme-images:{name}" for name in ("os", "lang", "api", "web")
    }
    assert {
        path.rpartition("/")[0] for _, path in sample_project.requests() if "/manifests/" in path
    } == {"/v2/acme-images/manifests"}
    assert planned.code == 0, planned.out
    assert [method for method, _ in asked] == ["HEAD"] * 4
    ends = {d["app"]: d["status"] for d in second.json["deploys"]}
    assert ends == {names["api"]: "current", names["web"]: "deployed"}
    assert second.statuses() == {"api": "exists", "web": "built"} | {
        name: "exists" for name in second.statuses() if name == "lang"
    }
