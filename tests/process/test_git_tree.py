"""The files of a commit, as a clone would have them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UnknownError
from pipeline.process.git_tree import (
    Checkout,
    Repository,
    commit_of,
    history,
    open_repository,
    untracked,
)
from tests.support.git_commits import commit, git
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"PATH": os.environ["PATH"]}


def opened(root: Path) -> Repository:
    """Open the repository of a folder."""
    return open_repository(root, ENVIRON)


def checkout(root: Path, folder: Path) -> Checkout:
    """Make a folder for the files of a project's commits."""
    folder.mkdir()
    return Checkout(opened(root), folder)


def names(root: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_one_commit_after_the_other(tmp_path: Path) -> None:
    """Files that a commit lacks are gone; the work tree and its index stay as they are."""
    root = tmp_path / "project"
    write_tree(root, {"a.txt": "1\n", "folder/run": "run\n", "link": "-> a.txt"})
    (root / "folder/run").chmod(0o755)
    first = commit(root)
    (root / "a.txt").unlink()
    write_tree(root / "more", {"b.txt": "2\n"})
    second = commit(root)
    write_tree(root / "unsaved", {"c.txt": "3\n"})
    before = git(root, "status", "--porcelain=v2")
    files = checkout(root, tmp_path / "files")

    files.move_to(first)
    assert names(files.root) == ["a.txt", "folder/run", "link"]
    assert (files.root / "a.txt").read_text() == "1\n"
    assert os.access(files.root / "folder/run", os.X_OK)
    assert str((files.root / "link").readlink()) == "a.txt"
    files.move_to(second)
    assert names(files.root) == ["folder/run", "link", "more/b.txt"]
    assert git(root, "status", "--porcelain=v2") == before


def test_a_project_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    """`root` is the project's folder."""
    write_tree(tmp_path / "all" / "deploy", {"pipeline.toml": ""})
    write_tree(tmp_path / "all" / "app", {"main.py": ""})
    made = commit(tmp_path / "all")
    files = checkout(tmp_path / "all" / "deploy", tmp_path / "files")

    files.move_to(made)
    assert names(files.root) == ["pipeline.toml"]
    assert names(files.root.parent) == ["app/main.py", "deploy/pipeline.toml"]


def test_attributes_as_in_a_clone(tmp_path: Path) -> None:
    """Line ends are converted, and what archives leave out is there."""
    root = tmp_path / "project"
    attributes = "*.bat text eol=crlf\nsecret.txt export-ignore\n"
    write_tree(root, {".gitattributes": attributes, "run.bat": "one\ntwo\n", "secret.txt": "s\n"})
    made = commit(root)
    files = checkout(root, tmp_path / "files")

    files.move_to(made)
    assert (files.root / "run.bat").read_bytes() == b"one\r\ntwo\r\n"
    assert (files.root / "secret.txt").exists()


def test_no_filter_of_the_repository_runs(tmp_path: Path) -> None:
    """Its settings may name any program."""
    root, ran = tmp_path / "project", tmp_path / "ran"
    write_tree(root, {".gitattributes": "*.txt filter=bad\n", "a.txt": "1\n"})
    made = commit(root)
    git(root, "config", "filter.bad.smudge", f"touch {ran}; cat")
    git(root, "config", "filter.bad.required", "true")
    files = checkout(root, tmp_path / "files")

    files.move_to(made)
    assert (files.root / "a.txt").read_text() == "1\n"
    assert not ran.exists()


def test_files_of_git_lfs(tmp_path: Path) -> None:
    """What is stored here takes the place of its pointer; what is not is said."""
    root = tmp_path / "project"
    stored, lost = "ab" * 32, "cd" * 32

    def pointer(oid: str) -> str:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 4\n"

    write_tree(root, {"a.bin": pointer(stored), "b.bin": pointer(lost)})
    made = commit(root)
    write_tree(root / ".git/lfs/objects/ab/ab", {stored: "whole"})
    files = checkout(root, tmp_path / "files")

    files.move_to(made)
    assert (files.root / "a.bin").read_text() == "whole"
    assert (files.root / "b.bin").read_text() == pointer(lost)
    assert files.notes == ("1 files of Git LFS are not stored here; their pointers are compared",)


def test_submodules(tmp_path: Path) -> None:
    """Their files are those of the commit that the repository names; one that is gone is gone."""
    library, root = tmp_path / "library", tmp_path / "project"
    write_tree(library, {"lib.txt": "1\n"})
    commit(library)
    write_tree(root, {"main.txt": "main\n"})
    commit(root)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    first = commit(root)
    write_tree(root / "lib", {"more.txt": "2\n"})
    commit(root / "lib")
    second = commit(root)
    git(root, "rm", "-q", "-f", "lib")
    third = commit(root)
    git(root, "checkout", "-q", second)
    git(root, "-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init")
    files = checkout(root, tmp_path / "files")

    files.move_to(first)
    assert names(files.root) == [".gitmodules", "lib/lib.txt", "main.txt"]
    files.move_to(second)
    assert names(files.root) == [".gitmodules", "lib/lib.txt", "lib/more.txt", "main.txt"]
    files.move_to(third)
    assert names(files.root) == [".gitmodules", "main.txt"]


def test_history_begins_where_the_remote_was_left(tmp_path: Path) -> None:
    """Own commits are not looked at; without a remote, all are."""
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    remote.mkdir()
    made = [commit(remote, str(number)) for number in range(3)]
    git(tmp_path, "clone", "-q", str(remote), str(clone))
    commit(clone, "own")

    assert history(opened(clone)).commits == tuple(reversed(made))
    assert history(opened(remote)).commits == tuple(reversed(made))


def test_a_shallow_clone_says_so(tmp_path: Path) -> None:
    """It has fewer commits than there are."""
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    remote.mkdir()
    made = [commit(remote, str(number)) for number in range(3)]
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{remote}", str(clone))

    found = history(opened(clone))
    assert found.commits == (made[-1],)
    assert found.note == "the clone is shallow: older commits are not here"


def test_revisions(tmp_path: Path) -> None:
    """Whatever Git reads as a commit; an option is none."""
    first, second = (commit(tmp_path, str(number)) for number in range(2))
    repository = opened(tmp_path)

    assert commit_of(repository, "HEAD~1") == first
    assert commit_of(repository, second[:8]) == second
    assert [commit_of(repository, word) for word in ("nosuch", "--all", "HEAD:x")] == [None] * 3


def test_what_git_does_not_track(tmp_path: Path) -> None:
    """Also a path with characters that Git has a meaning for."""
    write_tree(tmp_path, {"a.txt": "", "*.md": ""})
    commit(tmp_path)
    write_tree(tmp_path / "new", {"b.txt": ""})

    found = untracked(opened(tmp_path), tmp_path, ["a.txt", "*.md", "new/b.txt", "c.md"])
    assert found == ("new/b.txt", "c.md")


def test_no_repository(tmp_path: Path) -> None:
    """Git's own words say why."""
    with pytest.raises(UnknownError, match="not a git repository"):
        opened(tmp_path)
