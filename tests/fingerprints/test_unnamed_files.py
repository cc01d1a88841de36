"""Files that `COPY . .` brings along and nobody meant: what Git ignores, and our own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.fingerprints.unnamed_files import lines_for
from pipeline.project.load import load
from tests.support.git_commits import git
from tests.support.small_projects import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import Problem

FILES = {
    ".gitignore": "# no clone has these\n.env\n__pycache__/\n/images/web/dist\n*.whl\n!keep.whl\n",
    "images/web/.env": "TOKEN=x",
    "images/web/app.py": "",
    "images/web/__pycache__/app.pyc": "x",
    "images/web/lib/__pycache__/lib.pyc": "x",
    "images/web/dist/app.js": "x",
    "images/web/a.whl": "x",
    "images/web/keep.whl": "x",
}


def warnings(root: Path, dockerfile: str, *, is_repository: bool = True) -> tuple[Problem, ...]:
    """Return the warnings about the image `web`."""
    files = {**FILES, "pipeline.toml": "", "images/web/Dockerfile": f"FROM scratch\n{dockerfile}"}
    write_tree(root, dict(files))
    if is_repository:
        git(root, "init", "--quiet")
    (found,) = fingerprint(load(root, environ={})).values()
    return found.warnings


@pytest.mark.parametrize(
    ("dockerfile", "named"),
    [
        ("COPY . .\n", [".env", "a.whl", "__pycache__", "dist", "lib/__pycache__"]),
        ("ADD ./ /x/\n", [".env", "a.whl", "__pycache__", "dist", "lib/__pycache__"]),
        ("COPY * /x/\n", [".env", "a.whl", "__pycache__", "dist", "lib/__pycache__"]),
        ("COPY lib /x\n", ["lib/__pycache__"]),
        ("COPY dist /x\n", []),
        ("COPY dist/app.js /x\n", []),
        ("COPY d*t /x\n", []),
        ("COPY *.whl /x/\n", []),
        ("COPY app.py /x\n", []),
        ("COPY . .\nCOPY dist /x\n", [".env", "a.whl", "__pycache__", "lib/__pycache__"]),
    ],
)
def test_what_git_ignores_is_told_where_nothing_names_it(
    tmp_path: Path, dockerfile: str, named: list[str]
) -> None:
    """In one warning, with the lines for the ignore file."""
    found = warnings(tmp_path, dockerfile)
    if not named:
        assert found == ()
        return
    (warning,) = found
    assert "Git ignores such files" in warning.message
    before = warning.message.partition(" copied, and Git")[0]
    assert sorted(
        before.replace(" is", "")
        .replace(" are", "")
        .replace("`", "")
        .replace(" and ", ", ")
        .split(", ")
    ) == sorted(named)


def test_the_lines_are_those_of_an_ignore_file(tmp_path: Path) -> None:
    """A name that is in several folders is written once."""
    (warning,) = warnings(tmp_path, "COPY lib .env /x/\n")
    assert str(warning.location) == "images/web/.dockerignore"
    assert warning.hint == "write `images/web/.dockerignore` with the line `**/__pycache__`"
    assert lines_for([".env", "a/b", "b"]) == [".env", "**/b"]


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    """A `.gitignore` alone is only a file."""
    assert warnings(tmp_path, "COPY . .\n", is_repository=False) == ()


def test_a_file_that_git_tracks_is_not_ignored(tmp_path: Path) -> None:
    """Whatever a pattern says: clones have it."""
    write_tree(tmp_path, {**FILES, "pipeline.toml": "", "images/web/Dockerfile": "FROM scratch\n"})
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--force", ".")
    (tmp_path / "images/web/Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    (found,) = fingerprint(load(tmp_path, environ={})).values()
    assert found.warnings == ()


def test_our_own_files(tmp_path: Path) -> None:
    """Those of all images in a shared context; a `tasks.py` only if it is ours."""
    files = {
        "pipeline.toml": "",
        "tasks.py": "from pipeline.tasks import ns\n",
        "images/web/Dockerfile": "FROM scratch\nCOPY . .\n",
        "images/web/image.toml": 'context = "../.."\n',
    }
    write_tree(tmp_path, dict(files))
    (found,) = fingerprint(load(tmp_path, environ={})).values()
    (warning,) = found.warnings
    names = "`images/web/image.toml`, `pipeline.toml` and `tasks.py`"
    assert warning.message.startswith(f"{names} are copied")
    assert "the lines `**/image.toml`, `pipeline.toml` and `tasks.py`" in warning.hint
    (tmp_path / "tasks.py").write_text("from celery import task\n")
    (tmp_path / "images/web/Dockerfile").write_text(
        "FROM scratch\nCOPY . .\nCOPY pipeline.toml /\n"
    )
    (found,) = fingerprint(load(tmp_path, environ={})).values()
    assert found.warnings[0].message.startswith("`images/web/image.toml` is copied")
