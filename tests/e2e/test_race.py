"""Two runs of the same commit at once, on builders that know nothing of one another."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox import engine as engines
from tests.support import shop as shops
from tests.support.docker import docker_home
from tests.support.project import Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture
def other(tmp_path: Path, tool_cache: None) -> Iterator[dict[str, str]]:
    """A docker configuration that knows another engine as the context `elsewhere`."""
    del tool_cache
    started = engines.start("race", snapshotter=True)
    try:
        made = docker_home(tmp_path / "docker", {})
        create = ["docker", "context", "create", "elsewhere", "--docker", f"host={started.host}"]
        subprocess.run(create, env={**os.environ, **made}, capture_output=True, check=True)
        yield made
    finally:
        started.stop()


def test_two_runs_at_once_agree_on_each_image_and_deploy_it(
    shop: Project, other: dict[str, str], tmp_path: Path, engine_client: DockerClient
) -> None:
    """Both build, no two builds are alike, and both say 0, the same digests, and run those."""
    text = (shop.root / "pipeline.toml").read_text(encoding="utf-8")
    shop.write("pipeline.toml", f'{text}[profiles.far.build]\nbuilder = "elsewhere"\n')
    shop.image("base", "FROM debian:bookworm-slim\nRUN cat /proc/sys/kernel/random/uuid > /of\n")
    for name in ("api", "web"):
        file = shop.root / f"images/{name}/Dockerfile"
        text = file.read_text(encoding="utf-8").replace("debian:bookworm-slim", "base")
        file.write_text(text, encoding="utf-8")

    near = shop.start("deploy-all", "--json")
    far = shop.start("deploy-all", "--json", "--profile", "far", environ=other)
    rans = []
    for process in (near, far):
        with process:
            out, err = process.communicate(timeout=280)
            rans.append(Ran(process.returncode, out, err))

    assert [ran.code for ran in rans] == [0, 0], rans[0].err + rans[1].err
    told = [{i["name"]: i["digest"] for i in ran.json["images"]} for ran in rans]
    assert told[0] == told[1]
    assert set(told[0]) == {"base", "api", "web"}
    assert _held(shop) == told[0]
    runs = {
        str(c.name).partition("-")[0]: c.labels["pipeline.digest"]
        for c in shops.containers(engine_client, tmp_path)
        if c.status == "running"
    }
    assert runs == {name: told[0][name] for name in ("api", "web")}
    # Both built, and one of them took what the other had published.
    pushed = [path for method, path in shop.requests() if method == "PUT" and "/manifests/" in path]
    assert len({path for path in pushed if "/v2/base/manifests/" in path}) >= 2
    assert "another run published it first" in "".join(ran.out for ran in rans)


def _held(project: Project) -> dict[str, str]:
    """What the registry holds by now."""
    ran = project.invoke("build-all", "--json")
    assert set(ran.statuses().values()) == {"exists"}
    return {image["name"]: image["digest"] for image in ran.json["images"]}
