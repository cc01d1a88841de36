"""A Dockerfile that is a symbolic link: followed as by BuildKit, or refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def image(root: Path, link: str, **settings: str) -> Path:
    """Make `images/web` with a linked Dockerfile; a keyword `image_toml` writes that file."""
    folder = root / "images" / "web"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").symlink_to(link)
    for name, text in settings.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize("link", ["docker/real", "/docker/real", "../docker/real"])
def test_a_link_inside_its_folder_is_followed_as_by_buildkit(tmp_path: Path, link: str) -> None:
    """Inside its folder a link is followed; `/` is the folder, and `..` stays inside."""
    folder = image(tmp_path, link)
    (folder / "docker").mkdir()
    (folder / "docker" / "real").write_text("FROM scratch\n")
    # On this disk the link leads to another file, which BuildKit does not see.
    (tmp_path / "images" / "docker").mkdir()
    (tmp_path / "images" / "docker" / "real").write_text("FROM debian:bookworm-slim\n")

    (web,) = load(tmp_path).images

    assert web.source.source == b"FROM scratch\n"


@pytest.mark.parametrize(
    ("link", "said", "hint"),
    [
        ("../../common/Dockerfile", "does not follow it out", '`dockerfile = "../../common/'),
        ("../web/real", "does not follow it out", '`dockerfile = "real"`'),
        ("none", "where there is no file", "correct the link"),
        ("/etc/hostname", "does not follow it out", "put a copy of the file in its place"),
    ],
)
def test_a_link_that_leads_out_is_refused(tmp_path: Path, link: str, said: str, hint: str) -> None:
    """Refuse a link that leads out of its folder, with a hint."""
    folder = image(tmp_path, link)
    (folder / "real").write_text("FROM scratch\n")
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "Dockerfile").write_text("FROM scratch\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    (problem,) = caught.value.problems
    assert str(problem.location) == "images/web/Dockerfile"
    assert said in problem.message
    assert hint in problem.hint


def test_the_hint_works(tmp_path: Path) -> None:
    """The hint works: `image.toml` can name a Dockerfile in another folder of the project."""
    folder = image(tmp_path, "../../common/Dockerfile")
    (folder / "Dockerfile").unlink()
    (folder / "image.toml").write_text('dockerfile = "../../common/Dockerfile"\n')
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "Dockerfile").write_text("FROM scratch\n")

    assert str(load(tmp_path).images[0].dockerfile) == "common/Dockerfile"


def test_anything_but_a_file_is_refused(tmp_path: Path) -> None:
    """Refuse anything but a file at once: reading a FIFO would block."""
    folder = image(tmp_path, "none")
    (folder / "Dockerfile").unlink()
    os.mkfifo(folder / "Dockerfile")

    with pytest.raises(ConfigError, match="`images/web/Dockerfile` is not a regular file"):
        load(tmp_path)


def test_a_missing_dockerfile_is_reported_where_it_is_named(tmp_path: Path) -> None:
    """A missing Dockerfile is reported at the line in `image.toml`."""
    image(tmp_path, "none", image_toml='\ndockerfile = "Dockerfil"\n')

    with pytest.raises(ConfigError, match=r"images/web/image.toml:2:14: there is no"):
        load(tmp_path)
