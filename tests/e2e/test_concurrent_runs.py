"""Two simultaneous runs of the same commit on two unrelated builders."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox import engine as engines
from tests.support import docker_apps
from tests.support.docker import docker_home
from tests.support.project import Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture
def other_engine(tmp_path: Path, tool_cache: None) -> Iterator[dict[str, str]]:
    """Return a Docker configuration with a second engine as the context `elsewhere`."""
    del tool_cache
    started = engines.start("race", snapshotter=True)
    try:
        made = docker_home(tmp_path / "docker", {})
        create = ["docker", "context", "create", "elsewhere", "--docker", f"host={started.host}"]
        subprocess.run(create, env={**os.environ, **made}, capture_output=True, check=True)
        yield made
    finally:
        started.stop()


def test_two_simultaneous_runs_agree_on_each_image(
    docker_project: Project,
    other_engine: dict[str, str],
    tmp_path: Path,
    engine_client: DockerClient,
) -> None:
    """Builds differ, but both runs exit with 0, report and deploy the same digests."""
    text = (docker_project.root / "pipeline.toml").read_text(encoding="utf-8")
    docker_project.write("pipeline.toml", f'{text}[profiles.far.build]\nbuilder = "elsewhere"\n')
    docker_project.image(
        "base", "FROM debian:bookworm-slim\nRUN cat /proc/sys/kernel/random/uuid > /of\n"
    )
    for name in ("api", "web"):
        file = docker_project.root / f"images/{name}/Dockerfile"
        text = file.read_text(encoding="utf-8").replace("debian:bookworm-slim", "base")
        file.write_text(text, encoding="utf-8")

    near = docker_project.start("deploy-all", "--json")
    far = docker_project.start("deploy-all", "--json", "--profile", "far", environ=other_engine)
    rans = []
    for process in (near, far):
        with process:
            out, err = process.communicate(timeout=280)
            rans.append(Ran(process.returncode, out, err))

    assert [ran.code for ran in rans] == [0, 0], rans[0].err + rans[1].err
    told = [{i["name"]: i["digest"] for i in ran.json["images"]} for ran in rans]
    assert told[0] == told[1]
    assert set(told[0]) == {"base", "api", "web"}
    assert _held(docker_project) == told[0]
    runs = {
        str(c.name).partition("-")[0]: c.labels["pipeline.digest"]
        for c in docker_apps.containers(engine_client, tmp_path)
        if c.status == "running"
    }
    assert runs == {name: told[0][name] for name in ("api", "web")}
    # Both built, and one of them used what the other had published.
    pushed = [
        path
        for method, path in docker_project.requests()
        if method == "PUT" and "/manifests/" in path
    ]
    assert len({path for path in pushed if "/v2/base/manifests/" in path}) >= 2
    assert "another run published it first" in "".join(ran.out for ran in rans)


def _held(project: Project) -> dict[str, str]:
    """Return what the registry has now."""
    ran = project.invoke("build-all", "--json")
    assert set(ran.statuses().values()) == {"exists"}
    return {image["name"]: image["digest"] for image in ran.json["images"]}
