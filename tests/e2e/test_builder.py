"""`builder = "NAME"`: another engine builds, and meets the first in the registry alone."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox import engine as engines
from tests.support.docker import docker_home
from tests.support.project import three_levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.engine import Engine
    from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module", params=[True, False], ids=["containerd", "classic"])
def second(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine of its own on a socket of its own, with either kind of image store."""
    name = "second" if request.param else "third"
    started = engines.start(name, snapshotter=request.param)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def environ(second: Engine, tmp_path: Path) -> dict[str, str]:
    """A docker configuration that knows the second engine as the context `elsewhere`."""
    made = docker_home(tmp_path / "docker", {})
    docker(made, "context", "create", "elsewhere", "--docker", f"host={second.host}")
    return made


def docker(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A docker command that must succeed."""
    return subprocess.run(
        ["docker", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def images(host: str) -> set[str]:
    """The repositories of which an engine holds images, without the registry's address."""
    listed = docker({"DOCKER_HOST": host}, "images", "--format", "{{.Repository}}").stdout
    return {line.rpartition("/")[2] for line in listed.splitlines()}


def test_the_same_build_on_another_engine(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """Bases that one engine pushed are what the other builds on: from the registry, by digest."""
    three_levels(project)
    settings = (project.root / "pipeline.toml").read_text()
    bases = project.invoke("build", "lang", "--json")
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "elsewhere"\n')
    before = len(project.requests())

    ran = project.invoke("build-all", "--json", environ=environ)
    again = project.invoke("build-all", "--json", environ=environ)

    assert bases.code == ran.code == again.code == 0, bases.err + ran.err + again.err
    assert ran.statuses() == {"os": "exists", "lang": "exists", "web": "built", "api": "built"}
    assert set(again.statuses().values()) == {"exists"}
    assert {"web", "api"} <= images(second.host)
    assert not {"os", "lang"} & images(second.host)
    lang = next(image for image in bases.json["images"] if image["name"] == "lang")
    pulled = [path for _, path in project.requests()[before:]]
    assert any(path.endswith(f"/v2/lang/manifests/{lang['digest']}") for path in pulled)


def test_everything_on_another_engine(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """All three levels in one solve there; the first engine then finds nothing to do."""
    three_levels(project)
    project.write("images/os/os.txt", "of another engine\n")
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[profiles.far.build]\nbuilder = "elsewhere"\n')

    far = project.invoke("build-all", "--json", "--profile", "far", environ=environ)
    near = project.invoke("build-all", "--json")

    assert far.code == near.code == 0, far.err + near.err
    assert set(far.statuses().values()) == {"built"}
    assert set(near.statuses().values()) == {"exists"}
    assert {"os", "lang", "web", "api"} <= images(second.host)


def test_an_unknown_builder(project: Project) -> None:
    """It is named, with how to see which there are; nothing was built."""
    three_levels(project)
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "nowhere"\n')

    ran = project.invoke("build-all")

    assert ran.code == 4
    assert "no builder `nowhere`" in ran.err
    assert "docker buildx ls" in ran.err
