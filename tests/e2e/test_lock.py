"""`pipeline.lock`: pinned externals, the images built from them, and what has moved."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

pytestmark = pytest.mark.engine


def push(reference: str, folder: Path, content: str) -> None:
    """Push an image of one file, as another project would."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY content /\n")
    (folder / "content").write_text(content)
    build = ["docker", "buildx", "build", "--provenance=false", "--push", "-t", reference]
    subprocess.run([*build, str(folder)], check=True, capture_output=True)


@pytest.fixture
def external_reference(project: Project, tmp_path: Path) -> str:
    """Return an external that a base uses, and thereby an app."""
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    reference = f"{host}/outside/os:1"
    push(reference, tmp_path / "outside", "one")
    project.image("base", f"FROM {reference}\nCOPY base.txt /\n", base_txt="b")
    project.image("web", "FROM base\nCOPY web.txt /\n", web_txt="w")
    project.image("other", "FROM scratch\nCOPY other.txt /\n", other_txt="o")
    return reference


def test_a_locked_external_stays_until_it_is_locked_anew(
    project: Project, external_reference: str, tmp_path: Path
) -> None:
    """A moved tag rebuilds nothing, and `--check` reports it; a new lock rebuilds its users."""
    locked = project.invoke("lock")
    first = project.invoke("build-all", "--json")
    push(external_reference, tmp_path / "outside", "two")
    same = project.invoke("build-all", "--json")
    checked = project.invoke("lock", "--check")
    project.write("images/base/base.txt", "another")
    pinned = project.invoke("build-all", "--json")
    again = project.invoke("lock")
    second = project.invoke("build-all", "--json")

    assert locked.code == first.code == same.code == again.code == second.code == 0, locked.err
    assert set(same.statuses().values()) == {"exists"}
    assert checked.code == 5
    assert "images: `base` and `web`" in checked.out
    assert "`other`" not in checked.err
    assert content(pinned.json["images"][0]["reference"]) == "one"
    assert second.statuses() == {"base": "built", "web": "built", "other": "exists"}
    assert content(second.json["images"][0]["reference"]) == "two"


def test_a_locked_external_is_not_floating(project: Project, external_reference: str) -> None:
    """A plan lists an external as floating until it is locked."""
    before = project.invoke("inputs", "base", "--json")
    project.invoke("lock")
    after = project.invoke("inputs", "base", "--json")

    assert external_reference in before.json["floating"][0]
    assert after.json["floating"] == []
    assert before.json["externals"] == {external_reference: None}
    assert after.json["externals"][external_reference].startswith("sha256:")
    assert before.json["fingerprint"] != after.json["fingerprint"]


def test_docker_hub_through_the_engines_mirror(project: Project) -> None:
    """Docker Hub is read through the engine's mirror, the only way from these tests."""
    project.image("web", "FROM debian:bookworm-slim\n")

    ran = project.invoke("lock")

    assert ran.code == 0, ran.err
    assert "docker.io/library/debian:bookworm-slim" in (project.root / "pipeline.lock").read_text()


def test_a_missing_external(project: Project) -> None:
    """The error names a missing external; the lock file is unchanged."""
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    project.image("web", f"FROM {host}/outside/none:1\n")

    ran = project.invoke("lock")

    assert ran.code == 1
    assert f"{host}/outside/none:1" in ran.err
    assert not (project.root / "pipeline.lock").exists()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[external]]\nreference = 'a'\n", "pipeline.lock:1"),
        ("[[external]]\nreference = 'a'\ndigest = 'md5'\n", "pipeline.lock:1"),
        ("external = 3\n", "pipeline.lock:1"),
        ("[[external", "pipeline.lock:1"),
    ],
)
def test_a_broken_lock(project: Project, text: str, place: str) -> None:
    """A broken lock file is reported as any mistake in a file."""
    project.image("web", "FROM scratch\nCOPY web.txt /\n", web_txt="w")
    project.write("pipeline.lock", text)

    ran = project.invoke("plan")

    assert ran.code == 2
    assert place in ran.err
    assert "Traceback" not in ran.err


def content(reference: str) -> str:
    """Return the external's file as an image on it contains it."""
    copy = f"FROM {reference}\n"
    done = subprocess.run(
        ["docker", "buildx", "build", "--output=type=tar,dest=-", "-"],
        input=copy.encode(),
        check=True,
        capture_output=True,
    )
    listing = subprocess.run(
        ["tar", "xOf", "-", "content"], input=done.stdout, check=True, capture_output=True
    )
    return listing.stdout.decode()
