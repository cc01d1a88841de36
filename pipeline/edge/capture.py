"""Run a short command for what it prints: a version, a login, a look at a repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.edge.child_environ import ChildEnviron


def capture(
    words: Sequence[str], environ: ChildEnviron, *, timeout: float, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `words` in `environ`, give it `given` to read, and bring back what it printed.

    Bytes that are not UTF-8 are replaced. Raises `OSError` where it cannot be started, and
    `subprocess.TimeoutExpired` after `timeout` seconds. For a command that the user wrote, which
    may leave others behind, see `pipeline.edge.printed`.
    """
    return subprocess.run(
        words,
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
