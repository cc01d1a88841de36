"""Ask Git about the project, without running anything of the repository.

Hooks, the file-system monitor and lazy fetches of a partial clone are off, and variables that a
hook or another run of git would pass on are removed. The folder may belong to another user, as in a
container of a CI system: what is read runs no command, and `tasks.py` of the same folder already
has.
"""

from __future__ import annotations

import os
import re
import subprocess
from itertools import islice
from typing import TYPE_CHECKING

from ..model.stamp import NEAREST, PARENTS, SHORT, Revision
from .capture import capture
from .environ import GIT_SETTINGS, find_program, for_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_TIMEOUT = 30.0
_SEEN = 500
"""How many of the newest commits are read: merged branches are between the first parents."""
_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_OPTIONS = (*(f"{key}={value}" for key, value in GIT_SETTINGS), "safe.directory=*")


def revision_of(root: Path, environ: Mapping[str, str]) -> Revision | None:
    """Return the current commit of the repository of `root`, and commits that it is based on.

    Those are its first parents, and the nearest of all others: a merge of `main` into one's own
    work, as `git pull` makes it, has the former `main` as its second parent. `None` where there is
    no Git, no repository or no commit, which is not an error. A shallow clone has only the parents
    that it was fetched with.
    """
    lines = _history(root, environ)
    if not lines or not all(re.fullmatch(_COMMIT, word) for line in lines for word in line):
        return None
    parents = {line[0]: line[1:] for line in lines}
    head, *nearest = parents
    kept = (*islice(_first_parents(parents, head), PARENTS), *nearest[:NEAREST])
    return Revision(head, tuple(dict.fromkeys(commit[:SHORT] for commit in kept)))


def _first_parents(parents: Mapping[str, Sequence[str]], commit: str) -> Iterator[str]:
    while before := parents.get(commit):
        commit = before[0]
        yield commit


def keeps(root: Path, paths: Sequence[Path], environ: Mapping[str, str]) -> bool:
    """Return whether Git tracks any of `paths`, or files below, in the repository of `root`.

    Tracked files may have come with a commit by somebody else. False where there is no Git or no
    repository.
    """
    words = ["--literal-pathspecs", "ls-files", "--cached", "--", *map(os.fspath, paths)]
    done = _git(root, words, environ)
    if done is None:
        return False
    # A path inside of a submodule is an error, and is tracked by that repository.
    return "is in submodule" in done.stderr if done.returncode else bool(done.stdout)


def _history(root: Path, environ: Mapping[str, str]) -> list[list[str]]:
    """Return the newest commits, each followed by its parents; none where Git fails."""
    listing = ["rev-list", "--parents", f"--max-count={_SEEN}", "HEAD", "--"]
    done = _git(root, listing, environ)
    if done is None or done.returncode:
        return []
    return [line.split() for line in done.stdout.splitlines() if line]


def _git(
    root: Path, words: Sequence[str], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str] | None:
    options = [word for option in _OPTIONS for word in ("-c", option)]
    program = find_program("git", environ)
    if program is None:
        return None
    git = [program, "--no-pager", *options, "-C", os.fspath(root)]
    try:
        return capture([*git, *words], for_git(environ), timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None


def ignored(folder: Path, paths: Sequence[str], environ: Mapping[str, str]) -> frozenset[str]:
    """Return those of `paths`, relative to `folder`, that Git ignores and does not track.

    None where there is no Git or no repository.
    """
    # A path that began with a colon would be a pattern.
    named = [f"./{path}" for path in paths]
    words = ["-c", "core.quotePath=off", "check-ignore", "--", *named]
    done = _git(folder, words, environ)
    if done is None or done.returncode:
        return frozenset()
    return frozenset(line.removeprefix("./") for line in done.stdout.splitlines())


def listed_files(root: Path, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """List the files below `root` that Git tracks or would add; `None` without a repository."""
    words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    done = _git(root, words, environ)
    if done is None or done.returncode:
        return None
    return tuple(name for name in done.stdout.split("\0") if name)
