"""The copy that a solve reads: exactly the fingerprinted files, unchanged since."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import UnknownError
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.fingerprints.snapshot import ChangedError, Snapshot, snapshot
from tests.support.small_projects import image_of, project_of, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.model.image import Image
    from pipeline.model.inputs import Inputs

LONG_AGO = 10**18
DOCKERFILE = "FROM scratch\nCOPY a to-a into /\nCOPY d /d\nCOPY up/x* to-d/y /\n"
TREE: dict[str, str | None] = {
    "web/Dockerfile": DOCKERFILE,
    "web/.dockerignore": "-> rules",
    "web/rules": "d/secret\n",
    "web/a": "aaa",
    "web/to-a": "-> chain",
    "web/chain": "-> /a",
    "web/into": "-> deep/er",
    "web/deep/er/f": "fff",
    "web/d/x": "xxx",
    "web/d/y": "yyy",
    "web/d/empty": None,
    "web/d/link": "-> x",
    "web/d/dangling": "-> nowhere",
    "web/d/secret": "secret",
    "web/up": "-> d",
    "web/to-d": "-> ./d/../d",
    "web/unread": "unread",
    "other/file": "other",
}
COPIED = {
    "web/Dockerfile", "web/.dockerignore", "web/rules", "web/a", "web/to-a", "web/chain",
    "web/into", "web/deep", "web/deep/er", "web/deep/er/f", "web/d", "web/d/x", "web/d/y",
    "web/d/empty", "web/d/link", "web/d/dangling", "web/up", "web/to-d", "web",
}  # fmt: skip


def write(file: Path, *texts: str) -> None:
    """Write other contents to the same file in turn, and restore its times."""
    before = file.stat()
    for text in texts:
        file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_file(file: Path, text: str) -> None:
    """Replace a file by one with other content and the same times."""
    before = file.stat()
    file.unlink()
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by(file: Path, make: Callable[[Path], None]) -> None:
    """Replace a file by something else."""
    file.unlink()
    make(file)


def change_link(link: Path, target: str) -> None:
    """Change the target of a link."""
    link.unlink()
    link.symlink_to(target)


def rename(folder: Path) -> None:
    """Replace a folder by one with the same names and times."""
    other = folder.with_name("another")
    other.mkdir()
    for path in folder.iterdir():
        if path.is_symlink():
            (other / path.name).symlink_to(path.readlink())
        elif path.is_dir():
            (other / path.name).mkdir()
        else:
            (other / path.name).write_text("zzz")
            os.utime(other / path.name, ns=(LONG_AGO, LONG_AGO))
    folder.rename(folder.with_name("before"))
    other.rename(folder)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "other bytes, the same size and time": (lambda web: write(web / "a", "bbb"), "web/a"),
    "another file, the same size and time": (lambda web: replace_file(web / "a", "bbb"), "web/a"),
    "longer": (lambda web: write(web / "a", "aaaa"), "web/a"),
    "gone": (lambda web: (web / "d/x").unlink(), "web/d/x"),
    "executable": (lambda web: (web / "a").chmod(0o755), "web/a"),
    "a folder where a file was": (lambda web: replace_by(web / "a", Path.mkdir), "web/a"),
    "a pipe where a file was": (lambda web: replace_by(web / "a", os.mkfifo), "web/a"),
    "a link where a file was": (lambda web: change_link(web / "a", "d/x"), "web/a"),
    "a copied link leads elsewhere": (lambda web: change_link(web / "d/link", "y"), "web/d/link"),
    "a link on the way leads elsewhere": (lambda web: change_link(web / "up", "deep"), "web/up/x"),
    "a link in a chain leads elsewhere": (
        lambda web: change_link(web / "chain", "d/x"),
        "web/to-a",
    ),
    "a folder was renamed, and another put there": (lambda web: rename(web / "d"), "web/d/x"),
    "an empty folder is gone": (lambda web: (web / "d/empty").rmdir(), "web/d/empty"),
    "the Dockerfile is gone": (lambda web: (web / "Dockerfile").unlink(), "web/Dockerfile"),
}


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write_tree(root, TREE)
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(LONG_AGO, LONG_AGO), follow_symlinks=False)
    return root


def scan_web(root: Path) -> tuple[Image, Inputs]:
    """Return the image `web` and its inputs."""
    image = image_of(DOCKERFILE, name="web", context="web")
    return image, fingerprint(project_of(root, image))[image.name]


def make_snapshot(root: Path, image: Image, found: Inputs) -> Path:
    """Return the folder of a snapshot of one image."""
    folder = root.parent / "copy"
    made = Snapshot(root, folder)
    made.add(image, found)
    made.settle()
    return folder


def test_a_link_to_the_context_itself(tmp_path: Path) -> None:
    """It stays a link; what is read through it is copied once, at its real path."""
    text = "FROM scratch\nCOPY up /x/\n"
    write_tree(tmp_path / "root", {"web/Dockerfile": text, "web/up": "-> .", "web/a": "aaa"})
    image = image_of(text, name="web", context="web")
    inputs = fingerprint(project_of(tmp_path / "root", image))[image.name]

    folder = make_snapshot(tmp_path / "root", image, inputs)

    assert (folder / "web/up").readlink() == Path()
    assert (folder / "web/a").read_text() == "aaa"


def test_a_snapshot_has_the_files_that_are_read(root: Path) -> None:
    """With modes and times, links unchanged, and nothing that is not read."""
    (root / "web/d/x").chmod(0o640)
    (root / "web/d/y").chmod(0o4755)
    (root / "web/d").chmod(0o555)

    folder = make_snapshot(root, *scan_web(root))

    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    assert set(found) == COPIED
    for name, path in found.items():
        here, there = (place.lstat() for place in (path, root / name))
        assert here.st_mode == there.st_mode, name
        assert here.st_mtime_ns // 10**9 == there.st_mtime_ns // 10**9, name
        if path.is_symlink():
            assert path.readlink() == (root / name).readlink()
        elif path.is_file():
            assert path.read_bytes() == (root / name).read_bytes()


def test_other_bytes_of_the_same_size_and_time_have_another_time(root: Path) -> None:
    """BuildKit then sees the difference; equal content always has equal times."""
    moments = []
    for number, text in enumerate(("aaa", "bbb", "aaa")):
        write(root / "web/a", text)
        folder = root.parent / str(number)
        made = Snapshot(root, folder)
        made.add(*scan_web(root))
        moments.append((folder / "web/a").stat().st_mtime_ns)

    assert moments[0] == moments[2] != moments[1]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_since_the_scan_are_reported(root: Path, change: str) -> None:
    """Also if size and time are unchanged."""
    edit, path = CHANGES[change]
    image, found = scan_web(root)
    edit(root / "web")

    with pytest.raises(ChangedError) as caught:
        make_snapshot(root, image, found)

    assert caught.value.message == f"`{path}` changed while it was built"
    assert caught.value.hint


HARMLESS: dict[str, Callable[[Path], object]] = {
    "a new file": lambda web: (web / "d/new").write_text("new"),
    "other permission bits": lambda web: (web / "a").chmod(0o600),
    "another time": lambda web: os.utime(web / "a"),
    "a hard link": lambda web: (web / "hard").hardlink_to(web / "a"),
    "read": lambda web: (web / "a").read_bytes(),
    "changed, and put back": lambda web: write(web / "a", "bbb", "aaa"),
    "removed, and put back": lambda web: replace_file(web / "a", "aaa"),
    "renamed, and renamed back": lambda web: (web / "d").rename(web / "e").rename(web / "d"),
    "an unread file": lambda web: (web / "unread").unlink(),
    "the Dockerfile, which is built as it was": lambda web: write(web / "Dockerfile", "FROM x"),
    "the ignore file, which is heeded as it was": lambda web: write(web / "rules", "d\n"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_metadata_changes_are_no_changes(root: Path, change: str) -> None:
    """The built content is that of the fingerprint."""
    image, found = scan_web(root)
    HARMLESS[change](root / "web")

    folder = make_snapshot(root, image, found)

    held = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert held == COPIED
    assert (folder / "web/a").read_bytes() == b"aaa"
    assert (folder / "web/Dockerfile").read_text() == DOCKERFILE
    assert (folder / "web/rules").read_bytes() == b"d/secret\n"


def test_a_changed_file_fails_each_image_that_reads_it(root: Path) -> None:
    """Nothing of a changed file remains for another image that reads it."""
    image, found = scan_web(root)
    write(root / "web/a", "bbb")
    made = Snapshot(root, root.parent / "copy")

    for name in ("web", "www"):
        with pytest.raises(ChangedError):
            made.add(replace(image, name=name), found)


def test_images_of_one_context_share_what_they_read(root: Path) -> None:
    """Each file is copied once, at the context's real path."""
    (root / "shared").symlink_to("web")
    image, found = scan_web(root)
    behind = replace(image, context=image.context.with_name("shared"))
    made = Snapshot(root, root.parent / "copy")

    made.add(image, found)
    made.add(behind, found)

    assert made.copy_of(image.context) == made.copy_of(behind.context)


def test_a_project_at_the_top_of_the_disk(root: Path) -> None:
    """As in a container into which everything is copied to `/`."""
    top, folder = Path("/"), PurePosixPath(f"{root}/web"[1:])
    made_of = image_of("FROM scratch\nCOPY a /\n", name="web", context=str(folder))
    image = replace(made_of, dockerfile=folder / "Dockerfile")
    made = Snapshot(top, root.parent / "copy")

    made.add(image, fingerprint(project_of(top, image))[image.name])
    made.settle()

    place = Path(made.copy_of(folder))
    assert place == root.parent / "copy" / folder
    assert (place / "a").read_text() == "aaa"


def test_the_folder_is_removed(root: Path, tmp_path: Path) -> None:
    """Also read-only folders in it."""
    (root / "web/d").chmod(0o555)
    with snapshot(root, {"TMPDIR": str(tmp_path)}) as made:
        made.add(*scan_web(root))
        made.settle()
        place = tmp_path.joinpath(made.copy_of(scan_web(root)[0].context))
        assert stat.S_IMODE((place / "d").stat().st_mode) == 0o555

    assert not place.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


@pytest.fixture
def whole_seconds(tmp_path: Path) -> Iterator[Path]:
    """Return a file system with times in whole seconds: ext4 with inodes of 128 bytes."""
    disk, folder = tmp_path / "disk", tmp_path / "mounted"
    folder.mkdir()
    with disk.open("wb") as file:
        file.truncate(1 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-I", "128", disk], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", disk, folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may mount")
def test_a_file_system_without_times_below_the_second(root: Path, whole_seconds: Path) -> None:
    """There BuildKit would not see other content of the same size and second."""
    wrong = pytest.raises(UnknownError, match="keeps no exact file times")
    with wrong as caught, snapshot(root, {"TMPDIR": str(whole_seconds)}):
        pass
    assert "set TMPDIR to a folder on another file system" in (caught.value.hint or "")
    assert [path.name for path in whole_seconds.iterdir()] == ["lost+found"]


def test_no_room_for_the_copy(root: Path) -> None:
    """The error says where, and what to do."""
    full = root.parent / "full"
    full.write_text("no folder")
    image, found = scan_web(root)
    made = Snapshot(root, full / "copy")

    with pytest.raises(UnknownError, match="cannot be copied") as caught:
        made.add(image, found)

    assert "TMPDIR" in caught.value.hint
