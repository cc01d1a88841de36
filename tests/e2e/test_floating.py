"""What can change without a tag changing is said: before a build, and after it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.web import web_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_a_plan_lists_what_floats_once(project: Project) -> None:
    """An external that may move, a package of no version, and bits that would surprise."""
    project.image(
        "web",
        "FROM debian:bookworm-slim\nRUN true || apt-get install curl\nCOPY web.txt /\n",
        web_txt="w",
    )
    (project.root / "images/web/web.txt").chmod(0o600)

    planned = project.invoke("plan", "--json")
    text = project.invoke("plan")
    shown = project.invoke("inputs", "web", "--json")

    floating = planned.json["images"][0]["floating"]
    assert len(floating) == 3
    assert "debian:bookworm-slim" in floating[0]
    assert "apt-get install" in floating[1]
    assert "web.txt" in floating[2]
    assert shown.json["floating"] == floating
    assert text.out.count("apt-get install") == 1


def test_what_buildkit_read_beside_is_told_after_the_build(
    project: Project, tmp_path: Path
) -> None:
    """A trigger in an external downloads what no Dockerfile of the project names."""
    host = (project.root / "pipeline.toml").read_text().split('"')[1]
    outside = f"{host}/outside/trigger:1"
    with web_folder(tmp_path / "served") as (served, address):
        (served / "tool").write_text("a tool")
        (tmp_path / "outside").mkdir()
        trigger = f"FROM debian:bookworm-slim\nONBUILD ADD {address}/tool /\n"
        (tmp_path / "outside/Dockerfile").write_text(trigger)
        build = ["docker", "buildx", "build", "--provenance=false", "--push", "-t", outside]
        subprocess.run([*build, str(tmp_path / "outside")], check=True, capture_output=True)
        project.image("web", f"FROM {outside}\nCOPY web.txt /\n", web_txt="w")
        project.image("tested", f"FROM {outside}\nLABEL tested=1\n")
        project.write("images/tested/image.toml", '[test]\ncommand = ["cat", "/tool"]\n')
        project.image("plain", f"FROM scratch\nADD {address}/tool /\n")

        ran = project.invoke("build-all", "--json")

    found = {image["name"]: image["unaccounted"] for image in ran.json["images"]}
    assert ran.code == 0, ran.err
    assert found == {"plain": [], "tested": [f"{address}/tool"], "web": [f"{address}/tool"]}
    assert "which is not in its fingerprint" in ran.err
