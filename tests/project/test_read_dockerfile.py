"""A Dockerfile that is a link: read where BuildKit reads it, or refused when it is loaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def image(root: Path, link: str, **settings: str) -> Path:
    """`images/web` whose Dockerfile is a link; a keyword `image_toml` is that file."""
    folder = root / "images" / "web"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").symlink_to(link)
    for name, text in settings.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize("link", ["docker/real", "/docker/real", "../docker/real"])
def test_a_link_inside_its_folder_is_followed_as_by_buildkit(tmp_path: Path, link: str) -> None:
    """The folder is its root: `/` starts there, and `..` does not leave it."""
    folder = image(tmp_path, link)
    (folder / "docker").mkdir()
    (folder / "docker" / "real").write_text("FROM scratch\n")
    # What the same link leads to on this disk is another file, which BuildKit never sees.
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
    """With what to write instead."""
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


def test_what_the_hint_says_works(tmp_path: Path) -> None:
    """A Dockerfile in another folder of the project, named in `image.toml`."""
    folder = image(tmp_path, "../../common/Dockerfile")
    (folder / "Dockerfile").unlink()
    (folder / "image.toml").write_text('dockerfile = "../../common/Dockerfile"\n')
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "Dockerfile").write_text("FROM scratch\n")

    assert str(load(tmp_path).images[0].dockerfile) == "common/Dockerfile"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """At once: to read a FIFO would wait for ever."""
    folder = image(tmp_path, "none")
    (folder / "Dockerfile").unlink()
    os.mkfifo(folder / "Dockerfile")

    with pytest.raises(ConfigError, match="`images/web/Dockerfile` is not a regular file"):
        load(tmp_path)


def test_one_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    """At the line of `image.toml`."""
    image(tmp_path, "none", image_toml='\ndockerfile = "Dockerfil"\n')

    with pytest.raises(ConfigError, match=r"images/web/image.toml:2:14: there is no"):
        load(tmp_path)
