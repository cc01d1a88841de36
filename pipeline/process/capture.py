"""Run a short command for what it prints: a version, a login, a look at a repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from .drain import drained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .drain import Drained
    from .environ import ChildEnviron

MOST = 8 << 20
"""Bytes: a list of all files of a large repository, which Git prints, has a few millions."""


def capture(
    words: Sequence[str], environ: ChildEnviron, *, timeout: float, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `words` in `environ`, give it `given` to read, and bring back what it printed.

    Of more than `MOST` bytes, the last count; those that are not UTF-8 are replaced. Raises
    `OSError` where it cannot be started, and `subprocess.TimeoutExpired` after `timeout` seconds.
    For a command that the user wrote, which may leave others behind, see `project.command`.
    """
    with drained(MOST) as out, drained(MOST) as err:
        done = subprocess.run(
            words,
            env=environ,
            input=given,
            stdout=out.pipe,
            stderr=err.pipe,
            text=True,
            timeout=timeout,
            check=False,
        )
    return subprocess.CompletedProcess(words, done.returncode, _text(out), _text(err))


def _text(printed: Drained) -> str:
    return printed.kept.decode(errors="replace").replace("\r\n", "\n")
