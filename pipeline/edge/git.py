"""Which commit the files of a project are of: one `git`, which runs nothing of the repository's.

Hooks, a file-system monitor and fetching what a partial clone lacks are off, and so are variables
that a hook or another run of git would hand down. That the folder may belong to somebody else, as
in a container of a CI system, is no reason not to look: what is read runs no command, and
`tasks.py` of the same folder already has.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from pipeline.core.stamp import PARENTS, SHORT, Revision
from pipeline.edge.capture import capture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TIMEOUT = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CEILING_DIRECTORIES", "SYSTEMROOT", "TMPDIR")
_QUIET = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OPTIONS = (
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "safe.bareRepository=explicit",
    "safe.directory=*",
    "protocol.allow=never",
)


def revision_of(root: Path, environ: Mapping[str, str]) -> Revision | None:
    """The commit of the repository that `root` is in, and its first parents.

    `None` where there is no Git, no repository or no commit: nothing is known then, and nothing is
    wrong. A shallow clone has as many parents as it was fetched with.
    """
    options = [word for option in _OPTIONS for word in ("-c", option)]
    listing = ["rev-list", "--first-parent", f"--max-count={PARENTS + 1}", "HEAD", "--"]
    kept = {name: environ[name] for name in _KEPT if name in environ}
    try:
        git = ["git", "--no-pager", *options, "-C", os.fspath(root)]
        done = capture([*git, *listing], {**kept, **_QUIET}, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    commits = done.stdout.split()
    if done.returncode or not commits or not all(map(_COMMIT.fullmatch, commits)):
        return None
    return Revision(commits[0], tuple(commit[:SHORT] for commit in commits[1:]))
