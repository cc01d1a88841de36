"""Writing files of a project: atomically, and only inside the project."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from pipeline.process.read_file import FileError, OutsideError
from pipeline.process.write_file import replace_file, write_file

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = PurePosixPath("images/web/lock")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a project, and a foreign file beside it."""
    (tmp_path / "victim").write_text("v")
    (tmp_path / "project/images/web").mkdir(parents=True)
    return tmp_path / "project"


def assert_only(folder: Path, *names: str) -> None:
    """Check that a folder has exactly these files."""
    assert sorted(os.listdir(folder)) == sorted(names)  # noqa: PTH208 - names are enough


def test_a_new_file_and_an_old_one(root: Path) -> None:
    """An existing file keeps its permissions."""
    write_file(root, LOCK, b"1")
    made = (root / LOCK).stat().st_mode
    (root / LOCK).chmod(0o640)
    write_file(root, LOCK, b"2")

    assert (root / LOCK).read_bytes() == b"2"
    assert (root / LOCK).stat().st_mode & 0o777 == 0o640
    assert made & 0o600 == 0o600
    assert_only(root / "images/web", "lock")


@pytest.mark.parametrize("target", ["../../../victim", "/etc/none", "../../../none"])
def test_a_link_out_of_the_project(root: Path, target: str) -> None:
    """Refused, whether or not its target exists."""
    (root / LOCK).symlink_to(target)

    with pytest.raises(OutsideError, match="leads out of the project"):
        write_file(root, LOCK, b"evil")

    assert (root.parent / "victim").read_text() == "v"
    assert not (root.parent / "none").exists()
    assert_only(root / "images/web", "lock")


def test_a_folder_out_of_the_project(root: Path) -> None:
    """A parent folder may be such a link, too."""
    (root / "images/web").rmdir()
    (root / "images/web").symlink_to("../..")

    with pytest.raises(OutsideError):
        write_file(root, PurePosixPath("images/web/victim"), b"evil")

    assert (root.parent / "victim").read_text() == "v"


def test_links_with_temporary_names(root: Path) -> None:
    """Temporary names of earlier versions are not followed; the current name is random."""
    for name in (".lock.new", "lock.new", ".lock.tmp", "lock~"):
        (root / LOCK).with_name(name).symlink_to("../../../victim")

    write_file(root, LOCK, b"1")

    assert (root / LOCK).read_bytes() == b"1"
    assert not (root / LOCK).is_symlink()
    assert (root.parent / "victim").read_text() == "v"


def test_links_inside_of_the_project(root: Path) -> None:
    """The link stays, and its target is written."""
    (root / "shared").mkdir()
    (root / LOCK).symlink_to("../../other/lock")
    (root / "other").symlink_to("shared")

    write_file(root, LOCK, b"1")

    assert (root / LOCK).is_symlink()
    assert (root / "shared/lock").read_bytes() == b"1"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_other_file_types(root: Path, make: Callable[[Path], None]) -> None:
    """It is not replaced, and no temporary file remains."""
    make(root / LOCK)

    with pytest.raises(FileError, match="cannot be written"):
        write_file(root, LOCK, b"1")

    assert_only(root / "images/web", "lock")


def test_a_missing_folder(root: Path) -> None:
    """The error has the operating system's reason."""
    with pytest.raises(FileError, match="cannot be written: no such file or directory"):
        write_file(root, PurePosixPath("none/lock"), b"1")


def test_a_disk_that_is_full(root: Path) -> None:
    """The old file is unchanged, and no temporary file remains."""
    import resource  # noqa: PLC0415 - for this one
    import signal  # noqa: PLC0415

    write_file(root, LOCK, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(FileError, match="cannot be written: file too large"):
            write_file(root, LOCK, b"n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)

    assert (root / LOCK).read_bytes() == b"old"
    assert_only(root / "images/web", "lock")


def test_a_file_that_changes_meanwhile(root: Path) -> None:
    """It is not replaced, and the caller gets an error."""
    write_file(root, LOCK, b"theirs")
    folder = os.open(root / "images/web", os.O_RDONLY)
    try:
        assert not replace_file(folder, "lock", b"ours", still=lambda: False)
    finally:
        os.close(folder)

    assert (root / LOCK).read_bytes() == b"theirs"
    assert_only(root / "images/web", "lock")


def test_leftovers_of_a_killed_run(root: Path) -> None:
    """It is removed; a locked one, a link and a FIFO of such a name stay."""
    folder = root / "images/web"
    left, held, link, fifo = (f".pipeline-{number * 16}.new" for number in "0123")
    (folder / left).write_text("l")
    (folder / link).symlink_to("../../../victim")
    os.mkfifo(folder / fifo)
    with (folder / held).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        write_file(root, LOCK, b"1")

    assert_only(folder, held, link, fifo, "lock")
    assert (root.parent / "victim").read_text() == "v"
