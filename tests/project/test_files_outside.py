"""Only files of the project are read as configuration: no links out of it, no FIFOs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load, resolve_apps
from pipeline.errors import ConfigError
from pipeline.project.app_files import read_configuration
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {
    "pipeline.toml": "",
    "pipeline.lock": "",
    "images/web/Dockerfile": "FROM scratch\nCOPY a /\n",
    "images/web/.dockerignore": "",
    "images/web/image.toml": '[deploy]\napps = "file:apps.txt"\n',
    "images/web/fly.toml": "[[files]]\nlocal_path = 'extra'\n[build.compose]\n",
    "images/web/apps.txt": "acme-web\n",
    "images/web/extra": "e",
    "images/web/compose.yml": "services: {app: {build: ., volumes: ['./conf:/conf']}}\n",
    "images/web/conf": "c",
    "images/web/a": "a",
}
LEFT_OUT = ("images/web/a", "images/web/conf")
"""The first row is no configuration file; flyctl ignores it, and so do we."""
ELSEWHERE = "app = 'theirs'\n"


def read_everything(root: Path) -> None:
    """Read everything that is read before a build or deploy."""
    project = resolve_apps(load(root, environ={}), {})
    fingerprint(project)
    for image in project:
        assert image.deploy
        read_configuration(root, root / (image.deploy.config or ""))


def sparse(path: Path) -> None:
    """Make a sparse file of 5 GB."""
    with path.open("wb") as file:
        file.truncate(5 << 30)


@pytest.mark.parametrize("file", [file for file in PROJECT if file not in LEFT_OUT])
@pytest.mark.parametrize("kind", ["out", "FIFO", "sparse"])
def test_something_else_in_place_of_a_file(tmp_path: Path, file: str, kind: str) -> None:
    """The error names the file and nothing of its target."""
    root = tmp_path / "project"
    write_tree(root, PROJECT)
    (tmp_path / "elsewhere").write_text(ELSEWHERE)
    path = root / file
    path.unlink()
    if kind == "out":
        path.symlink_to(os.path.relpath(tmp_path / "elsewhere", path.parent))
    else:
        {"FIFO": os.mkfifo, "sparse": sparse}[kind](path)

    if file.endswith(".dockerignore") and kind != "sparse":
        read_everything(root)  # BuildKit ignores it: a warning.
        return
    with pytest.raises(ConfigError) as caught:
        read_everything(root)

    assert path.name in str(caught.value)
    assert "theirs" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("image.toml", 'dockerfile = "a\\u0000b"', "1:14"),
        ("image.toml", 'context = "a\\u0000b"', "1:11"),
        ("image.toml", 'contexts = { libs = "a\\u0000b" }', "1:21"),
        ("image.toml", 'deploy = { apps = "file:a\\u0000b" }', "1:19"),
        ("image.toml", 'deploy = { config = "a\\u0000b" }', "1:21"),
        ("fly.toml", '[build]\ndockerfile = "a\\u0000b"', "2:14"),
        ("fly.toml", '[[files]]\nlocal_path = "a\\u0000b"', "2:14"),
    ],
)
def test_a_path_with_nul(tmp_path: Path, file: str, text: str, place: str) -> None:
    """TOML can write a NUL in a path, which no operating system accepts."""
    write_tree(tmp_path, {**PROJECT, f"images/web/{file}": text})

    with pytest.raises(ConfigError) as caught:
        read_everything(tmp_path)

    assert f"images/web/{file}:{place}: " in str(caught.value)


def test_the_unchanged_project(tmp_path: Path) -> None:
    """The whole project is read; links that stay inside are followed."""
    write_tree(tmp_path, PROJECT)
    (tmp_path / "images/web/fly.toml").rename(tmp_path / "shared.toml")
    (tmp_path / "images/web/fly.toml").symlink_to("../../shared.toml")

    read_everything(tmp_path)


def test_files_of_compose_volumes(tmp_path: Path) -> None:
    """A volume of compose is refused: flyctl would read it anywhere and upload it."""
    write_tree(tmp_path / "project", PROJECT)
    (tmp_path / "elsewhere").write_text(ELSEWHERE)
    (tmp_path / "project/images/web/conf").unlink()
    (tmp_path / "project/images/web/conf").symlink_to("../../../elsewhere")

    with pytest.raises(ConfigError, match=r"`\./conf` lies outside the project"):
        read_everything(tmp_path / "project")
