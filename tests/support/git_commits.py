"""Run git in a test's project, and commit to a repository of its own."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WHO = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
for _role in ("AUTHOR", "COMMITTER"):
    _WHO |= {f"GIT_{_role}_NAME": "a", f"GIT_{_role}_EMAIL": "a@example.com"}


def git(folder: Path, *words: str) -> str:
    """Run git in a folder as a fixed author, and return its stdout."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={"PATH": os.environ["PATH"], **_WHO},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "x") -> str:
    """Commit all files of a folder, run `git init` if needed, and return the commit's id."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")
