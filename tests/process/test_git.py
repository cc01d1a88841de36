"""The commit of a project's files, by the real git."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.process.git import keeps, revision_of
from tests.support.fake_programs import write_program
from tests.support.git_commits import commit, git

if TYPE_CHECKING:
    from pathlib import Path

HERE = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository without a commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def test_unknown_commits(tmp_path: Path, repository: Path) -> None:
    """No repository, no commit, no git, or a git that fails or prints something else."""
    assert revision_of(tmp_path, HERE) is None
    assert revision_of(repository, HERE) is None
    commit(repository)
    assert revision_of(repository, {"PATH": str(tmp_path)}) is None
    for says in ("exit 3", "echo main", "true"):
        other = write_program(tmp_path / "bin" / "git", says).parent
        assert revision_of(repository, {"PATH": str(other)}) is None


def test_tracked_files(tmp_path: Path, repository: Path) -> None:
    """Files in its index; about ignored, missing or outside files nothing is known."""
    for name in ("had/a", "new/a"):
        (repository / name).parent.mkdir()
        (repository / name).touch()
    git(repository, "add", "had")

    found = [keeps(repository, [repository / name], HERE) for name in ("had", "new", ":(top)had")]
    assert found == [True, False, False]
    assert keeps(repository, [repository / "new", repository / "had"], HERE)
    assert not keeps(tmp_path, [repository / "had"], HERE)
    assert not keeps(repository, [repository / "had"], {"PATH": str(tmp_path)})


def test_the_commit_and_its_parents(repository: Path) -> None:
    """The first parents, newest first, then the merged branch."""
    ids = [commit(repository)]
    git(repository, "checkout", "--quiet", "-b", "side")
    side = commit(repository, "on the side")
    git(repository, "checkout", "--quiet", "main")
    ids.append(commit(repository))
    git(repository, "merge", "--quiet", "--no-ff", "--message=x", "side")
    ids.append(git(repository, "rev-parse", "HEAD"))
    (repository / "below").mkdir()

    found = revision_of(repository / "below", HERE)

    assert found is not None
    assert found.id == ids[-1]
    assert found.parents == (*(one[:12] for one in reversed(ids[:-1])), side[:12])


def test_main_merged_into_a_branch(repository: Path, tmp_path: Path) -> None:
    """The previously deployed commit of `main` is among the parents, each push of it."""
    commit(repository)
    git(tmp_path, "clone", "--quiet", str(repository), "mine")
    mine = tmp_path / "mine"
    pushed = [commit(repository, "theirs"), commit(repository, "theirs, too")]
    commit(mine, "mine")
    git(mine, "pull", "--quiet", "--no-rebase", "--no-edit")

    found = revision_of(mine, HERE)

    assert found is not None
    assert {one[:12] for one in pushed} <= set(found.parents)
    assert len(found.parents) == 4


def test_thirty_parents(repository: Path, tmp_path: Path) -> None:
    """Not the whole history; of a shallow clone, what it has."""
    stream = "".join(
        f"commit refs/heads/main\ncommitter a <a@example.com> {n} +0000\ndata 1\nx\n"
        for n in range(1, 41)
    )
    subprocess.run(
        ["git", "-C", str(repository), "fast-import", "--quiet"],
        input=stream,
        text=True,
        env=HERE,
        check=True,
    )
    ids = git(repository, "rev-list", "HEAD").split()
    git(tmp_path, "clone", "--quiet", "--depth=3", f"file://{repository}", "shallow")

    found, shallow = (revision_of(where, HERE) for where in (repository, tmp_path / "shallow"))

    assert found is not None
    assert shallow is not None
    assert (found.id, found.parents) == (ids[0], tuple(one[:12] for one in ids[1:31]))
    assert (shallow.id, shallow.parents) == (ids[0], tuple(one[:12] for one in ids[1:3]))


def test_programs_of_the_repository_are_not_run(repository: Path, tmp_path: Path) -> None:
    """No fsmonitor, hook, pager or signature program of the repository."""
    spy = write_program(tmp_path / "spy", f"echo run >> {tmp_path}/told; cat")
    mine = commit(repository)
    settings = {
        "core.fsmonitor": str(spy),
        "core.hooksPath": str(spy.parent),
        "core.pager": str(spy),
        "pager.rev-list": str(spy),
        "gpg.program": str(spy),
        "log.showSignature": "true",
        "core.sshCommand": str(spy),
    }
    for key, value in settings.items():
        git(repository, "config", key, value)

    found = revision_of(repository, HERE)

    assert found is not None
    assert found.id == mine
    assert not (tmp_path / "told").exists()


def test_nothing_is_fetched_whatever_the_repository_allows(
    repository: Path, tmp_path: Path
) -> None:
    """A partial clone lacks a commit, and names a program that would fetch it."""
    first = commit(repository)
    commit(repository)
    (repository / ".git" / "objects" / first[:2] / first[2:]).unlink()
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {tmp_path}/told",
    }
    for key, value in settings.items():
        git(repository, "config", key, value)

    assert revision_of(repository, HERE) is None
    assert not (tmp_path / "told").exists()


def test_a_folder_that_looks_like_a_repository(repository: Path, tmp_path: Path) -> None:
    """A bare repository in the files, with its own settings, is ignored."""
    commit(repository)
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "looks")

    assert revision_of(tmp_path / "looks", HERE) is None


def test_a_git_in_the_project_is_not_found(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative folders in PATH are not searched."""
    mine = commit(repository)
    spy = write_program(repository / "git", f"touch {tmp_path}/told")
    monkeypatch.chdir(spy.parent)

    found = revision_of(repository, {"PATH": f".::{HERE['PATH']}"})

    assert found is not None
    assert found.id == mine
    assert revision_of(repository, {"PATH": "."}) is None or not (tmp_path / "told").exists()
    assert not (tmp_path / "told").exists()


def test_variables_of_another_run_of_git(repository: Path, tmp_path: Path) -> None:
    """As in a hook; a replaced commit keeps its id."""
    first, second = commit(repository), commit(repository)
    git(repository, "replace", second, first)
    environ = {**HERE, "GIT_DIR": str(tmp_path / "none"), "GIT_WORK_TREE": str(tmp_path)}

    found = revision_of(repository, environ)

    assert found is not None
    assert (found.id, found.parents) == (second, (first[:12],))


def test_a_folder_of_somebody_else_s(repository: Path, tmp_path: Path) -> None:
    """As in a CI container, where git refuses a repository of another owner."""
    mine = commit(repository)
    real = next(f for d in HERE["PATH"].split(":") if os.access(f := f"{d}/git", os.X_OK))
    strict = write_program(
        tmp_path / "bin" / "git", f'export GIT_TEST_ASSUME_DIFFERENT_OWNER=1; exec {real} "$@"'
    )
    environ = {"PATH": f"{strict.parent}:{HERE['PATH']}"}
    plain = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    found = revision_of(repository, environ)

    assert "dubious ownership" in plain.stderr
    assert found is not None
    assert found.id == mine
