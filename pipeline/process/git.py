"""What Git knows of a project's files: asked so that it runs nothing of the repository's.

Hooks, a file-system monitor and fetching what a partial clone lacks are off, and so are variables
that a hook or another run of git would hand down. That the folder may belong to somebody else, as
in a container of a CI system, is no reason not to look: what is read runs no command, and
`tasks.py` of the same folder already has.
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
"""So many of the newest commits are looked at: merged branches lie between the first parents."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OPTIONS = (*(f"{key}={value}" for key, value in GIT_SETTINGS), "safe.directory=*")


def revision_of(root: Path, environ: Mapping[str, str]) -> Revision | None:
    """The commit of the repository that `root` is in, and commits that it was made on.

    Those are its first parents, and the nearest of all: who merges `main` into their own work, as
    `git pull` does, and pushes that, leaves the `main` of before behind a second parent.
    `None` where there is no Git, no repository or no commit: nothing is known then, and nothing is
    wrong. A shallow clone has as many parents as it was fetched with.
    """
    lines = _history(root, environ)
    if not lines or not all(_COMMIT.fullmatch(word) for line in lines for word in line):
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
    """Whether Git has any of these paths, or what lies below, in the repository of `root`.

    What it has may have come with a commit, from whoever made that. Nothing is known where there is
    no Git or no repository.
    """
    words = ["--literal-pathspecs", "ls-files", "--cached", "--", *map(os.fspath, paths)]
    done = _git(root, words, environ)
    if done is None:
        return False
    # It refuses to look at a path inside of a submodule, which is another repository's file.
    return "is in submodule" in done.stderr if done.returncode else bool(done.stdout)


def _history(root: Path, environ: Mapping[str, str]) -> list[list[str]]:
    """The newest commits, each followed by its parents; nothing where git does not say."""
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
