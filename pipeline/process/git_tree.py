"""Write the files of a commit into a folder, as a clone would have them.

Nothing of the repository is changed: the index is a file of its own. Git converts line ends as
`.gitattributes` says, and no filter runs, since a repository can name any program as one. What Git
LFS has stored locally takes the place of its pointers.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import UnknownError
from .capture import capture
from .environ import GIT_SETTINGS, find_program, for_git, with_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

COMMITS = 20
_TIMEOUT = 120.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SUBMODULE = "160000 "
"""The mode of a submodule in an index."""
_POINTER = "version https://git-lfs.github.com/spec/v1"
_MOST = 1024
"""Bytes: what Git LFS reads as a pointer."""
_OID = re.compile(r"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)


class History(Struct, frozen=True):
    """Commits from the newest to older ones, and why there are no more, if that is known."""

    commits: tuple[str, ...]
    note: str = ""


class Repository(Struct, frozen=True):
    """A Git repository: its top folder, the project in it, the program and its environment."""

    top: Path
    inside: Path
    git: str
    environ: Mapping[str, str]


def open_repository(root: Path, environ: Mapping[str, str]) -> Repository:
    """Find the repository of a project. Raises `UnknownError` where there is none."""
    git = find_program("git", environ)
    if git is None:
        raise UnknownError(
            "Git is not installed", hint="install it, or make sure that it is on PATH"
        )
    found = Repository(root, Path(), git, environ)
    lines = _run(found, root, ["rev-parse", "--show-toplevel", "--show-prefix"]).split("\n")
    return Repository(Path(lines[0]), Path(lines[1]), git, environ)


def commit_of(repository: Repository, revision: str) -> str | None:
    """Return the commit that a revision names, or `None`."""
    words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = _try(repository, repository.top, words)
    return found.strip() if found is not None and _COMMIT.fullmatch(found.strip()) else None


def time_of(repository: Repository, commit: str) -> int:
    """Return when a commit was made, in seconds since 1970."""
    words = ["show", "--no-patch", "--format=%ct", commit, "--"]
    return int(_run(repository, repository.top, words).strip())


def history(repository: Repository) -> History:
    """Return the last commits, first parents only, from where HEAD left the remote's main branch.

    Without a remote they begin at HEAD.
    """
    top = repository.top
    start = _try(repository, top, ["merge-base", "HEAD", "origin/HEAD"]) or "HEAD"
    words = ["rev-list", "--first-parent", f"--max-count={COMMITS}", start.strip(), "--"]
    commits = tuple((_try(repository, top, words) or "").split())
    shallow = (_try(repository, top, ["rev-parse", "--is-shallow-repository"]) or "").strip()
    note = "the clone is shallow: older commits are not here" if shallow == "true" else ""
    return History(commits, note if len(commits) < COMMITS else "")


def index_size(repository: Repository) -> int:
    """Return the bytes of Git's list of tracked files, some 100 for each file; 0 without one."""
    at = (_try(repository, repository.top, ["rev-parse", "--git-path", "index"]) or "").strip()
    try:
        return (repository.top / at).stat().st_size
    except OSError:
        return 0


def untracked(repository: Repository, root: Path, paths: Collection[str]) -> tuple[str, ...]:
    """Return those of the paths, relative to `root`, that Git does not track.

    A path inside a submodule counts as tracked.
    """
    words = ["--literal-pathspecs", "ls-files", "--cached", "--recurse-submodules", "-z", "--"]
    tracked = (_try(repository, root, [*words, *paths]) or "").split("\0")
    return tuple(path for path in paths if path not in tracked)


class Checkout:
    """A folder that has the files of one commit, and then of another. For one thread.

    with TemporaryDirectory() as folder:
        files = Checkout(repository, Path(folder))
        files.move_to(commit)
        load(files.root)
    """

    def __init__(self, repository: Repository, folder: Path) -> None:
        self.repository = repository
        self._folder = folder
        self._work = folder / "work"
        self._submodules: set[Path] = set()
        self.root = self._work / repository.inside
        """The project's folder."""
        self.notes: tuple[str, ...] = ()
        """What the folder lacks of the commit."""

    def move_to(self, commit: str) -> None:
        """Write the files of a commit, and remove those of the commit before.

        Raises `UnknownError` where the repository lacks objects, as a partial clone may.
        """
        before, self._submodules = self._submodules, set()
        self.notes = tuple(self._write(self.repository.top, commit, Path()))
        for path in before - self._submodules:
            shutil.rmtree(self._work / path, ignore_errors=True)

    def _write(self, source: Path, commit: str, at: Path) -> Iterator[str]:
        """Write a commit's files at a path, and those of its submodules; yield what is lacking."""
        work = self._work / at
        work.mkdir(parents=True, exist_ok=True)
        index = self._folder / f"index-{str(at).replace('/', '%')}"
        settings = [f"--work-tree={work}", *_without_filters(self.repository, source)]
        _run(self.repository, source, [*settings, "read-tree", "-u", "--reset", commit], index)
        yield from _fill_pointers(self.repository, source, work, index)
        listed = _run(self.repository, source, ["ls-files", "--stage", "-z"], index)
        for entry in listed.split("\0"):
            head, _, path = entry.partition("\t")
            if head.startswith(_SUBMODULE):
                yield from self._write_submodule(source / path, head.split()[1], at / path)

    def _write_submodule(self, source: Path, commit: str, at: Path) -> Iterator[str]:
        """Write the files of a submodule that was cloned; it is an empty folder in a clone, too."""
        if not (source / ".git").exists():
            return
        self._submodules.add(at)
        if _try(self.repository, source, ["cat-file", "-e", f"{commit}^{{commit}}"]) is None:
            yield f"the submodule `{at}` lacks the commit {commit[:7]} here"
            return
        yield from self._write(source, commit, at)


def _fill_pointers(repository: Repository, source: Path, work: Path, index: Path) -> Iterator[str]:
    """Put the files of Git LFS in the place of their pointers, where they are stored here."""
    common = _run(repository, source, ["rev-parse", "--git-common-dir"]).strip()
    store = source / common / "lfs" / "objects"
    if not store.is_dir():
        return
    words = ["grep", "--cached", "-l", "-z", "-F", "-e", _POINTER]
    missing = 0
    for name in filter(None, (_try(repository, source, words, index) or "").split("\0")):
        file = work / name
        if file.is_symlink() or file.stat().st_size > _MOST:
            continue
        oid = _OID.search(file.read_text(encoding="utf-8", errors="replace"))
        if oid is None:
            continue
        stored = store / oid[1][:2] / oid[1][2:4] / oid[1]
        if stored.is_file():
            shutil.copyfile(stored, file)
        else:
            missing += 1
    if missing:
        yield f"{missing} files of Git LFS are not stored here; their pointers are compared"


def _without_filters(repository: Repository, source: Path) -> list[str]:
    """Return options that turn off the filters which the repository's settings name."""
    words = ["config", "--null", "--name-only", "--get-regexp", r"^filter\."]
    names = filter(None, (_try(repository, source, words) or "").split("\0"))
    filters = dict.fromkeys(name.rpartition(".")[0] for name in names)
    offs = (("smudge", ""), ("process", ""), ("required", "false"))
    return [word for f in filters for key, value in offs for word in ("-c", f"{f}.{key}={value}")]


def _run(repository: Repository, at: Path, words: Sequence[str], index: Path | None = None) -> str:
    """Run Git in a folder; return what it printed. Raises `UnknownError` where it fails."""
    done = _start(repository, at, words, index)
    if done.returncode:
        said = done.stderr.strip().removeprefix("fatal: ").partition("\n")[0]
        raise UnknownError(f"Git cannot read the project's history: {said}")
    return done.stdout


def _try(
    repository: Repository, at: Path, words: Sequence[str], index: Path | None = None
) -> str | None:
    """Return what Git printed, or `None` where it fails."""
    done = _start(repository, at, words, index)
    return None if done.returncode else done.stdout


def _start(
    repository: Repository, at: Path, words: Sequence[str], index: Path | None
) -> subprocess.CompletedProcess[str]:
    settings = [f"{key}={value}" for key, value in GIT_SETTINGS]
    more = (*settings, "safe.directory=*", "core.sparseCheckout=false")
    options = [word for one in more for word in ("-c", one)]
    git = [repository.git, "--no-pager", *options, "-C", str(at), *words]
    environ = for_git(repository.environ)
    try:
        return capture(git, with_index(environ, index) if index else environ, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnknownError(f"Git cannot be asked: {error}") from None
