"""Reading whole files: regular ones of limited size inside the project."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from pipeline.process.read_file import SETTINGS, FileError, OutsideError, read_file, read_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def sparse(path: Path) -> None:
    """Make a sparse file of 5 GB."""
    with path.open("wb") as file:
        file.truncate(5 << 30)


def listening(path: Path) -> None:
    """Make a Unix socket."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (os.mkfifo, "is not a regular file, where a TOML file is expected"),
    "socket": (listening, "is not a regular file"),
    "folder": (os.mkdir, "is a folder, where a TOML file is expected"),
    "endless": (sparse, "has more than 1 MiB, and is not read"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    "nowhere": (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
    "itself": (lambda path: path.symlink_to(path.name), "is a link to nothing"),
    "up": (lambda path: path.symlink_to(".."), "is a folder"),
}


@pytest.mark.parametrize("kind", ODD)
def test_other_file_types(tmp_path: Path, kind: str) -> None:
    """Refused at once, without opening it."""
    make, said = ODD[kind]
    make(tmp_path / "a.toml")

    with pytest.raises(FileError) as error:
        read_file(tmp_path, "a.toml", "a TOML file")

    assert error.value.what.startswith(said)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a project, and files beside it."""
    (tmp_path / "secret").write_text("s")
    (tmp_path / "project-2").mkdir()
    (tmp_path / "project-2" / "a").write_text("s")
    folder = tmp_path / "project"
    (folder / "images").mkdir(parents=True)
    (folder / "a").write_text("a")
    return folder


@pytest.mark.parametrize(
    "target", ["../secret", "../project-2/a", "images/../../secret", "/etc/passwd"]
)
def test_a_link_out_of_the_project(root: Path, target: str) -> None:
    """Refused, absolute or relative; a folder with the same prefix is outside, too."""
    (root / "link").symlink_to(target)

    with pytest.raises(OutsideError, match="lies outside the project"):
        read_file(root, "link")


def test_a_folder_that_leads_out_of_the_project(root: Path) -> None:
    """Its files are outside the project, and so are `..` and `/`."""
    (root / "images" / "web").symlink_to("../../project-2")

    for path in ("images/web/a", "../project-2/a", str(root.parent / "secret")):
        with pytest.raises(OutsideError):
            read_file(root, path)


def test_links_inside_of_it(root: Path) -> None:
    """Projects share files by links, and may be behind a link themselves."""
    (root / "images" / "link").symlink_to("../a")
    (root / "other").symlink_to("images")
    (root.parent / "way").symlink_to("project")

    assert read_file(root, "images/link") == b"a"
    assert read_file(root, "other/link") == b"a"
    assert read_file(root.parent / "way", "other/link") == b"a"


def test_a_missing_file(root: Path) -> None:
    """It returns None; an impossible path is an error."""
    assert read_file(root, "none") is None
    assert read_file(root, "a/none") is None
    assert read_own(root / "none") is None
    with pytest.raises(FileError, match="is not a path"):
        read_file(root, "a\0b")


def test_a_size_limit(root: Path) -> None:
    """Exactly that many bytes."""
    (root / "a").write_bytes(b"x" * SETTINGS)
    assert read_file(root, "a") == b"x" * SETTINGS

    (root / "a").write_bytes(b"x" * (SETTINGS + 1))
    with pytest.raises(FileError, match="has more than 1 MiB"):
        read_file(root, "a")


def test_the_users_own_files_may_be_anywhere(root: Path) -> None:
    """They must be regular files; Docker's configuration may be a link."""
    (root / "link").symlink_to("../secret")
    (root / "dangling").symlink_to("../none")
    os.mkfifo(root / "pipe")

    assert read_own(root / "link") == b"s"
    assert read_own(root / "dangling") is None
    with pytest.raises(FileError, match="is not a regular file"):
        read_own(root / "pipe")
