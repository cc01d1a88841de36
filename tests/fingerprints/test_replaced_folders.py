"""Folders that are replaced by links while they are read: no file outside is ever opened."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.dockerignore.ignore_file import NOTHING
from pipeline.errors import WorkError
from pipeline.fingerprints.context import Context
from pipeline.fingerprints.disk import Disk, FileType, file_stat
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.fingerprints.snapshot import ChangedError, Snapshot
from pipeline.process.openat import Descent
from tests.support.small_projects import image_of, project_of, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.model.inputs import Inputs

HOUR = 3600 * 10**9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a project, and beside it a folder that must not be read."""
    write_tree(tmp_path / "outside", {"x": "secret", "sub/x": "secret", "link": "-> secret"})
    tree = {
        "web/Dockerfile": "FROM scratch\nCOPY . /\n",
        "web/sub/deep/x": "mine",
        "web/sub/x": "mine",
    }
    write_tree(tmp_path / "project", {**tree, "web/sub/link": "-> mine"})
    return tmp_path / "project"


def replace_by_link(root: Path, folder: str) -> None:
    """Replace a folder by a link to the outside."""
    (root / folder).rename(root / "away")
    (root / folder).symlink_to(root.parent / "outside")


LOOKS: dict[str, Callable[[Disk, str], object]] = {
    "file": lambda disk, sub: disk.file(f"{sub}/x"),
    "folder": lambda disk, sub: disk.folder(sub),
    "folder in it": lambda disk, sub: disk.folder(f"{sub}/sub"),
    "link": lambda disk, sub: disk.link(f"{sub}/link"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_parent_folder(root: Path, look: str) -> None:
    """A folder that becomes a link between listing its parent and opening it."""
    disk = Disk(root)
    context = Context(disk, str(root / "web"), NOTHING)
    assert ("sub", FileType.DIRECTORY) in disk.folder(context.path("")).others
    replace_by_link(root, "web/sub")

    with pytest.raises(WorkError, match="changed while it was read"):
        LOOKS[look](disk, context.path("sub"))


def test_a_folder_that_is_open_already(root: Path) -> None:
    """An open folder is still the one that was listed, wherever it is moved."""
    disk = Disk(root)
    sub = Context(disk, str(root / "web"), NOTHING).path("sub")
    before = Disk(root).file(f"{sub}/x")
    assert disk.folder(sub).files == ["x"]
    replace_by_link(root, "web/sub")

    assert disk.file(f"{sub}/x") == before
    assert disk.link(f"{sub}/link") == "mine"


def test_the_context_itself(root: Path) -> None:
    """Links to the context are followed inside the project, never out of it."""
    (root / "to").symlink_to("web")
    assert Context(Disk(root), str(root / "to"), NOTHING).file_type("sub/x") is FileType.FILE
    disk = Disk(root)
    context = Context(disk, str(root / "web"), NOTHING)
    replace_by_link(root, "web")

    with pytest.raises(WorkError, match=r"`web/?` changed while it was read"):
        disk.folder(context.path(""))


@pytest.mark.parametrize(
    ("link", "target", "below"),
    [("to", "web", True), ("web/to", "sub", True), ("to", "../outside", False)],
)
def test_a_path_with_links(root: Path, link: str, target: str, *, below: bool) -> None:
    """Also where the link is to a folder of folders, and they themselves are no links."""
    (root / link).symlink_to(target)
    way = Descent(root)

    assert [way.stays_below(f"{root}/{link}{more}") for more in ("", "/sub")] == [below, below]


def snapshot_of(root: Path, folder: Path) -> tuple[Snapshot, Inputs, Callable[[], None]]:
    """Return a snapshot that is not yet made, and the inputs of its files."""
    image = image_of("FROM scratch\nCOPY . /\n", name="web", context="web")
    inputs = fingerprint(project_of(root, image))[image.name]
    found = Snapshot(root, folder)
    return found, inputs, lambda: found.add(image, inputs)


def test_a_copy_is_not_made_through_a_link(root: Path, tmp_path: Path) -> None:
    """Not even with the same content: copied files are inside the project."""
    _, _, add = snapshot_of(root, tmp_path / "copy")
    replace_by_link(root, "web/sub")
    (tmp_path / "outside/x").write_text("mine")
    (tmp_path / "outside/deep").mkdir()
    os.link(root / "away/deep/x", tmp_path / "outside/deep/x")
    (tmp_path / "outside/link").unlink()
    (tmp_path / "outside/link").symlink_to("mine")

    with pytest.raises(ChangedError):
        add()


def open_below(root: Path) -> int:
    """Return how many files and folders of `root` this process has open.

    Others may be left from earlier tests, and may be closed at any time.
    """
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile, as that of this very listing
            found += link.readlink().is_relative_to(root.resolve())
    return found


def test_folders_are_closed(root: Path) -> None:
    """Of many folders only a few are open at once, and none at the end."""
    for number in range(200):
        write_tree(root, {f"web/many/{number}/x": "x"})
    way = Descent(root)
    for number in range(200):
        way.lstat(str(root / f"web/many/{number}/x"))
        assert 0 < open_below(root) <= 66
    assert way.lstat(str(root / "web/many/0/x")).st_size == 1
    del way

    assert open_below(root) == 0


def test_a_write_after_the_clock_was_set_back(root: Path) -> None:
    """A file newer than the run may look older; its content and metadata still differ."""
    file = root / "web/sub/x"
    done: list[int] = []

    def meddle(_frame: object, event: str, what: Any) -> None:
        if event == "c_return" and what in (os.read, os.fstat) and not done:
            done.append(file.write_text("mind"))

    disk = Disk(root, clock=lambda: time.time_ns() + HOUR)
    context = Context(disk, str(root / "web"), NOTHING)
    disk.folder(context.path("sub"))
    old = Disk(root).file(context.path("sub/x"))[1]
    sys.setprofile(meddle)
    try:
        _, sha256, _, known = disk.file(context.path("sub/x"))
    finally:
        sys.setprofile(None)

    assert done
    assert sha256 != old or known != file_stat(file.stat())
