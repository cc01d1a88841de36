"""What is special about a builder of the driver `docker-container`.

`python -m tests.builders` runs this; pytest does not find it by itself, because it needs Go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.builders.container import NAME, builder, docker
from tests.support.processes import wait_until
from tests.support.project import Project, three_levels

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine

UNSET = {"BUILDX_BUILDER": ""}


def host_of(project: Project) -> str:
    """Return the project's registry."""
    return (project.root / "pipeline.toml").read_text().split('"')[1]


def use(project: Project, name: str, more: str = "") -> None:
    """Set the project's builder."""
    settings = (project.root / "pipeline.toml").read_text()
    project.write("pipeline.toml", f'{settings}[build]\nbuilder = "{name}"\n{more}')


def test_the_sample_images(samples: Path, project: Project) -> None:
    """They are built, then there is nothing to do; doctor names the builder."""
    sample = Project(samples, project.log)
    host = {"PIPELINE_REGISTRY_HOST": host_of(project)}

    ran = sample.invoke("build-all", "--json", "--profile", "local", environ=host)
    again = sample.invoke("build-all", "--json", "--profile", "local", environ=host)
    doctor = sample.invoke("doctor", "--json", "--profile", "local", environ=host)

    assert ran.code == again.code == 0, ran.err + again.err
    assert set(ran.statuses().values()) == {"built"}
    assert set(again.statuses().values()) == {"exists"}
    found = next(check for check in doctor.json["checks"] if check["name"] == "builder")
    assert found["ok"] is True
    assert f"`{NAME}`: BuildKit v" in found["detail"]
    assert "driver docker-container" in found["detail"]


def test_the_builder_of_the_settings(project: Project) -> None:
    """Without BUILDX_BUILDER. An image with a test is loaded into the engine; bases are not."""
    three_levels(project)
    use(project, NAME)
    project.write("images/api/image.toml", '[test]\ncommand = ["cat", "/api.txt"]\n')

    ran = project.invoke("build-all", "--json", environ=UNSET)

    assert ran.code == 0, ran.err
    assert set(ran.statuses().values()) == {"built"}
    assert all(image["digest"] for image in ran.json["images"])


def test_the_builder_of_buildx_use(project: Project) -> None:
    """`docker buildx use` chooses it, as `docker/setup-buildx-action` does."""
    three_levels(project)
    docker("buildx", "use", NAME)

    ran = project.invoke("build-all", "--json", environ=UNSET)

    assert ran.code == 0, ran.err
    assert host_of(project) not in docker("images", "--format", "{{.Repository}}")


def test_force_and_caches(project: Project, tmp_path: Path) -> None:
    """`--force` builds again; another, empty builder imports what `cache_to` has exported."""
    host = host_of(project)
    cache = f"type=registry,ref={host}/cache:{{name}}"
    caches = f'cache_from = ["{cache}"]\ncache_to = ["{cache},mode=max"]\n'
    settings = (project.root / "pipeline.toml").read_text()
    use(project, NAME, caches)
    project.image("web", f"FROM debian:bookworm-slim\nRUN echo {host} > /x\n")
    allow = ("--allow", f"repository={host}/cache")

    first = project.invoke("build-all", *allow)
    exported = project.invoke("exists", f"{host}/cache:web")
    with builder("fip-empty", tmp_path, "network=host") as empty:
        project.write("pipeline.toml", settings)
        use(project, empty, caches)
        forced = project.invoke("build-all", "--force", *allow)

    assert first.code == exported.code == forced.code == 0, first.err + exported.err + forced.err
    assert not re.search(r"\[2/2\] .*cached$", first.err, re.MULTILINE), first.err
    assert re.search(r"\[2/2\] .*cached$", forced.err, re.MULTILINE), forced.err
    assert "built 1, exists 0" in forced.out


def test_a_builder_that_is_killed(project: Project, tmp_path: Path) -> None:
    """The error says so; the base that was pushed stays, and the next run finishes."""
    project.image("quick", "FROM debian:bookworm-slim\nCOPY quick.txt /\n", quick_txt="quick\n")
    project.image("slow", f"FROM quick\nRUN sleep 20; : '{tmp_path}'\n")
    with builder("fip-killed", tmp_path, "network=host") as name:
        use(project, name)
        running = project.start("build-all", "--json")
        wait_until(lambda: "sleep 20" in docker("top", f"buildx_buildkit_{name}0"))
        docker("kill", f"buildx_buildkit_{name}0")
        _, err = running.communicate(timeout=120)
        docker("start", f"buildx_buildkit_{name}0")
        again = project.invoke("build-all", "--json")

    assert running.returncode == 4, err
    assert "the connection to the builder was lost" in err
    assert again.code == 0, again.err
    assert again.statuses()["slow"] == "built"


def test_a_builder_that_does_not_start(project: Project) -> None:
    """Its image cannot be pulled: the builder is at fault, and no image has failed."""
    three_levels(project)
    image = f"image={host_of(project)}/none:1"
    words = ["--name", "fip-none", "--driver", "docker-container", "--driver-opt", image]
    docker("buildx", "create", *words)
    use(project, "fip-none")
    try:
        ran = project.invoke("build-all", "--json")
    finally:
        docker("buildx", "rm", "--force", "fip-none")

    assert ran.code == 4, ran.err
    assert set(ran.statuses().values()) == {"blocked"}
    assert "error: the builder could not be started: " in ran.err


def test_a_builder_in_a_network_of_its_own(project: Project, tmp_path: Path) -> None:
    """It cannot reach a registry on 127.0.0.1: doctor finds it, and a build says it once."""
    host = host_of(project)
    for name in ("web", "api"):
        project.image(name, f"FROM scratch\nCOPY {name}.txt /\n", **{f"{name}_txt": name})
    with builder("fip-apart", tmp_path) as name:
        use(project, name)
        doctor = project.invoke("doctor", "--json")
        ran = project.invoke("build-all", "--json")

    found = next(check for check in doctor.json["checks"] if check["name"] == "builder")
    assert (doctor.code, found["ok"]) == (4, False)
    assert f"cannot reach the registry `{host}`" in found["detail"]
    assert "--driver-opt network=host" in found["hint"]
    assert ran.code == 4, ran.err
    assert f"error: the builder cannot reach the registry `{host}`: connection refused" in ran.err
    assert ran.err.count("--driver-opt network=host") == 1, ran.err
    assert "dial tcp" not in ran.err
