"""`builder = "NAME"`: a second engine builds; the two share only the registry."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import engine as engines
from tests.support.buildkitd import buildkitd
from tests.support.docker import docker_home
from tests.support.project import three_levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.engine import Engine
    from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module", params=[True, False], ids=["containerd", "classic"])
def second(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Start a second, empty engine, with either kind of image store."""
    name = "second" if request.param else "third"
    started = engines.start(name, snapshotter=request.param)
    try:
        docker({"DOCKER_HOST": started.host}, "system", "prune", "--all", "--force")
        yield started
    finally:
        started.stop()


@pytest.fixture
def environ(second: Engine, tmp_path: Path) -> dict[str, str]:
    """Return a Docker configuration with the second engine as the context `elsewhere`."""
    made = docker_home(tmp_path / "docker", {})
    docker(made, "context", "create", "elsewhere", "--docker", f"host={second.host}")
    return made


def docker(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a docker command that must succeed."""
    return subprocess.run(
        ["docker", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def images(engine: Engine, project: Project) -> set[str]:
    """Return the project's images on an engine."""
    listed = docker({"DOCKER_HOST": engine.host}, "images", "--format", "{{.Repository}}").stdout
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    names = (line.partition("/") for line in listed.splitlines())
    return {name for address, _, name in names if address == host}


def test_the_same_build_on_another_engine(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """An engine builds on bases that another one pushed, from the registry, by digest."""
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
    assert {"web", "api"} <= images(second, project)
    assert not {"os", "lang"} & images(second, project)
    lang = next(image for image in bases.json["images"] if image["name"] == "lang")
    pulled = [path for _, path in project.requests()[before:]]
    assert any(path.endswith(f"/v2/lang/manifests/{lang['digest']}") for path in pulled)


def test_everything_on_another_engine(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """The second engine builds all three levels in one solve; the first then has nothing to do."""
    three_levels(project)
    project.write("images/os/os.txt", "of another engine\n")
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[profiles.far.build]\nbuilder = "elsewhere"\n')

    far = project.invoke("build-all", "--json", "--profile", "far", environ=environ)
    near = project.invoke("build-all", "--json")

    assert far.code == near.code == 0, far.err + near.err
    assert set(far.statuses().values()) == {"built"}
    assert set(near.statuses().values()) == {"exists"}
    assert {"os", "lang", "web", "api"} <= images(second, project)


def test_an_engine_keeps_images_under_their_own_names(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """No staging tag stays on the engine that built, neither of builds nor of tests.

    It is the engine of the Docker context.
    """
    there = {**environ, "DOCKER_HOST": "", "DOCKER_CONTEXT": "elsewhere"}
    three_levels(project)
    project.write("images/api/image.toml", '[test]\ncommand = ["cat", "/api.txt"]\n')

    ran = project.invoke("build-all", "--json", environ=there)

    assert ran.code == 0, ran.err
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    listed = docker(
        {"DOCKER_HOST": second.host}, "images", "--format", "{{.Repository}}:{{.Tag}}"
    ).stdout.split()
    wanted = {image["reference"] for image in ran.json["images"]}
    assert {name for name in listed if name.startswith(host)} == wanted


def test_cache_is_exported_and_imported(
    project: Project, environ: dict[str, str], second: Engine
) -> None:
    """Another engine builds an image from the cache that `cache_to` exported."""
    del second
    settings = (project.root / "pipeline.toml").read_text()
    host = settings.split('"')[1]
    cache = f"type=registry,ref={host}/cache:{{name}}"
    project.write(
        "pipeline.toml",
        f'{settings}[build]\ncache_from = ["{cache}"]\n'
        f'[profiles.near.build]\ncache_to = ["{cache},mode=max"]\n'
        '[profiles.far.build]\nbuilder = "elsewhere"\n',
    )
    project.image("web", f"FROM debian:bookworm-slim\nRUN echo {host} > /x\n")

    word = f"repository={host}/cache"

    near = project.invoke("build-all", "--profile", "near", "--allow", word)
    exists = project.invoke("exists", f"{host}/cache:web")
    far = project.invoke(
        "build-all", "--force", "--profile", "far", "--allow", word, environ=environ
    )

    assert near.code == exists.code == far.code == 0, near.err + exists.err + far.err
    assert not re.search(r"\[2/2\] .*cached$", near.err, re.MULTILINE), near.err
    assert re.search(r"\[2/2\] .*cached$", far.err, re.MULTILINE), far.err


@pytest.mark.parametrize("second", [True], indirect=True, ids=["containerd"])
def test_a_remote_buildkit(project: Project, environ: dict[str, str], second: Engine) -> None:
    """A remote BuildKit builds and pushes on bases that another engine pushed."""
    three_levels(project)
    settings = (project.root / "pipeline.toml").read_text()
    bases = project.invoke("build", "lang", "--json")
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "far"\n')
    project.write("images/api/image.toml", '[test]\ncommand = ["cat", "/api.txt"]\n')
    with tempfile.TemporaryDirectory() as short:
        path = Path(short, "buildkitd.sock")
        with buildkitd(second.socket, path) as address:
            docker(environ, "buildx", "create", "--driver", "remote", "--name", "far", address)
            ran = project.invoke("build-all", "--json", environ=environ)
            doctor = project.invoke("doctor", environ=environ)

    assert bases.code == ran.code == doctor.code == 0, bases.err + ran.err + doctor.out
    assert ran.statuses() == {"os": "exists", "lang": "exists", "web": "built", "api": "built"}
    assert all(image["digest"] for image in ran.json["images"])
    # The image under test is loaded into the local engine; bases stay in the registry.
    assert images(second, project) == {"web"}
    assert "`far`: BuildKit " in doctor.out
    assert ", driver remote, builds for linux/amd64" in doctor.out


def test_an_unknown_builder(project: Project) -> None:
    """The error names the builder and how to list builders; nothing is built."""
    three_levels(project)
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "nowhere"\n')

    ran = project.invoke("build-all")

    assert ran.code == 4
    assert "no builder `nowhere`" in ran.err
    assert "docker buildx ls" in ran.err
