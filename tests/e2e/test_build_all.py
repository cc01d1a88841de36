"""`invoke build-all` with a real engine and a real registry: what is built, and what is not."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.buildkit.solve import MAX_TARGETS
from tests.support.fake_programs import write_program
from tests.support.project import three_levels
from tests.support.served_folder import serve_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

pytestmark = pytest.mark.engine


def build_all(project: Project, *words: str) -> set[str]:
    """Run `build-all` and return the names of the images that it built."""
    ran = project.invoke("build-all", "--json", *words)
    assert ran.code == 0, ran.err
    return {name for name, status in ran.statuses().items() if status == "built"}


def test_everything_is_built_once(project: Project) -> None:
    """The first run builds and pushes everything, bases first; the second builds nothing."""
    three_levels(project)

    first = project.invoke("build-all", "--json")
    second = project.invoke("build-all", "--json")

    assert first.code == second.code == 0, first.err + second.err
    assert set(first.statuses().values()) == {"built"}
    assert set(second.statuses().values()) == {"exists"}
    digests = [[image["digest"] for image in ran.json["images"]] for ran in (first, second)]
    assert digests[0] == digests[1]
    assert all(digest.startswith("sha256:") for digest in digests[0])


def test_nothing_changed_costs_one_head_each_and_no_process(
    project: Project, tmp_path: Path
) -> None:
    """A run with nothing to do sends one HEAD per image and starts no process.

    PATH has only a `docker` that would record its start.
    """
    three_levels(project)
    build_all(project)
    started = tmp_path / "docker-was-started"
    trap = write_program(tmp_path / "tools" / "docker", f"echo x >> '{started}'\nexit 1")
    before = len(project.requests())

    ran = project.invoke("build-all", "--json", environ={"PATH": str(trap.parent)})

    asked = project.requests()[before:]
    assert ran.code == 0, ran.err
    assert [method for method, _ in asked] == ["HEAD"] * 4
    assert len(set(asked)) == 4
    assert ran.json["requests"] == 4
    assert not started.exists()


def test_a_failure_blocks_dependents_and_is_explained(project: Project) -> None:
    """A failure exits with 1, shows log and line of the Dockerfile, and blocks dependents."""
    three_levels(project)
    project.image(
        "lang", "FROM os\nCOPY lang.txt /lang.txt\nRUN echo deep trouble; exit 3\n", lang_txt="x"
    )

    ran = project.invoke("build-all", "--json")

    statuses = ran.statuses()
    failed = next(image for image in ran.json["images"] if image["name"] == "lang")
    assert ran.code == 1
    assert statuses["lang"] == "failed"
    assert statuses["web"] == statuses["api"] == "blocked"
    assert failed["failure"]["location"].startswith("images/lang/Dockerfile:3")
    assert "deep trouble" in "\n".join(failed["failure"]["log"])
    assert "images/lang/Dockerfile:3" in ran.err
    assert "deep trouble" in ran.err


def test_keep_going_builds_what_does_not_depend_on_a_failure(project: Project) -> None:
    """`--keep-going` builds independent images, which the next run finds."""
    three_levels(project)
    project.image("lang", "FROM os\nRUN exit 3\n")
    project.image("site", "FROM os\nCOPY site.txt /\n", site_txt="site")

    ran = project.invoke("build-all", "--keep-going", "--json")
    again = project.invoke("build-all", "--keep-going", "--json")

    assert ran.code == again.code == 1
    expected = {"lang": "failed", "web": "blocked", "api": "blocked"}
    assert ran.statuses() == {**expected, "os": "built", "site": "built"}
    assert again.statuses() == {**expected, "os": "exists", "site": "exists"}


def test_a_cancelled_forced_build_is_not_built(project: Project, tmp_path: Path) -> None:
    """A cancelled `--force` build is not reported as built because of an older tag."""
    with serve_folder(tmp_path / "served") as (folder, address):
        (folder / "wait").write_text("0")
        slow = f"FROM debian:bookworm-slim\nADD {address}/wait /wait\nRUN sleep $(cat /wait)\n"
        project.image("slow", slow)
        build_all(project)
        (folder / "wait").write_text("60")
        project.image("bad", "FROM debian:bookworm-slim\nRUN sleep 3; exit 3\n")

        ran = project.invoke("build-all", "--force", "--json")

    assert ran.code == 1, ran.err
    assert ran.statuses() == {"bad": "failed", "slow": "blocked"}


def test_an_image_with_a_test_is_pushed_only_when_it_passes(project: Project) -> None:
    """A failing test keeps the tag out of the registry and its dependents unbuilt.

    So does a test that is changed after the image was published; its dependents are not rebuilt.
    """
    three_levels(project)
    project.write("images/lang/image.toml", '[test]\ncommand = ["cat", "/missing"]\n')

    failing = project.invoke("build-all", "--json")
    absent = project.invoke("exists", "lang")
    project.write("images/lang/image.toml", '[test]\ncommand = ["cat", "/lang.txt"]\n')
    passing = project.invoke("build-all", "--json")
    project.write("images/lang/image.toml", '[test]\ncommand = ["cat", "/gone"]\n')
    changed = project.invoke("build-all", "--json")
    plan = project.invoke("plan", "--json")

    assert failing.code == 1
    assert failing.statuses()["lang"] == "failed"
    assert failing.statuses()["web"] == "blocked"
    assert absent.code == 1, absent.err
    assert passing.code == 0, passing.err
    assert passing.statuses()["lang"] == passing.statuses()["web"] == "built"
    assert changed.code == 1
    assert changed.statuses() == {
        "os": "exists",
        "lang": "failed",
        "web": "exists",
        "api": "exists",
    }
    assert {image["name"]: image["action"] for image in plan.json["images"]} == {
        "os": "exists",
        "lang": "build",
        "web": "exists",
        "api": "exists",
    }


def test_aliases_follow_the_image(project: Project) -> None:
    """`latest` always points to the image of the current files, also after a revert."""
    three_levels(project)
    project.write("images/web/image.toml", 'aliases = ["latest"]\n')

    def digest_of_latest() -> str:
        host = (project.root / "pipeline.toml").read_text(encoding="utf-8").split('"')[1]
        ran = project.invoke("exists", f"{host}/web:latest", "--json")
        return str(ran.json["digest"])

    build_all(project)
    first = digest_of_latest()
    project.write("images/web/web.txt", "other\n")
    build_all(project)
    second = digest_of_latest()
    project.write("images/web/web.txt", "web\n")
    assert build_all(project) == set()

    assert first != second
    assert digest_of_latest() == first


def test_build_arguments_and_copy_from_name_bases(project: Project) -> None:
    """`[bases]`, `COPY --from` and `RUN --mount from` can name images of the project."""
    project.image("tools", "FROM debian:bookworm-slim\nRUN echo tool > /tool\n")
    project.image(
        "app",
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY --from=tools /tool /copied\n"
        "RUN --mount=type=bind,from=tools,source=/tool,target=/mnt/tool cat /mnt/tool /copied\n",
        image_toml='[bases]\nBASE_IMAGE = "os"\n',
    )
    project.image("os", "FROM debian:bookworm-slim\nRUN echo os > /os\n")

    ran = project.invoke("build-all", "--json")

    assert ran.code == 0, ran.err
    assert set(ran.statuses().values()) == {"built"}


def test_many_images_in_one_run(project: Project, tmp_path: Path) -> None:
    """40 images are built in several solves, as one solve fails with many (docker/buildx #3810)."""
    project.image("base", "FROM scratch\nCOPY base.txt /\n", base_txt="base")
    for number in range(39):
        project.image(f"leaf{number:03}", "FROM base\nCOPY leaf.txt /\n", leaf_txt=str(number))

    path = path_with_recording_docker(tmp_path)
    first = project.invoke("build-all", "--json", environ={"PATH": path})
    second = project.invoke("build-all", "--json")

    assert first.code == second.code == 0, first.err[-3000:]
    assert list(first.statuses().values()) == ["built"] * 40
    sizes = [
        len(group["targets"])
        for file in (tmp_path / "solves").iterdir()
        for group in json.loads(file.read_text())["group"].values()
    ]
    assert sum(sizes) == 40
    assert max(sizes) <= MAX_TARGETS
    assert list(second.statuses().values()) == ["exists"] * 40
    assert second.json["requests"] == 40


def path_with_recording_docker(folder: Path) -> str:
    """Return a PATH whose `docker` saves each bake definition in `folder/solves`."""
    real = shutil.which("docker")
    assert real
    kept = folder / "solves"
    kept.mkdir()
    file = f"{shlex.quote(str(kept))}/$$"
    script = f"""
case "$1 $2" in
  *bake*) cat > {file}; exec {shlex.quote(real)} "$@" < {file} ;;
esac
exec {shlex.quote(real)} "$@"
"""
    docker = write_program(folder / "tools" / "docker", script)
    return f"{docker.parent}{os.pathsep}{os.environ['PATH']}"
