"""Kill an engine during a build, and restart it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from sandbox import engine

if TYPE_CHECKING:
    from sandbox.engine import Engine
    from tests.support.project import Project

BOUND = 150.0
"""Seconds after which a run counts as hanging."""
RIGHT = (0, 1, 4)
"""Allowed exit codes of a run that lost its engine; 3 would be a bug."""


def without_engine(project: Project, own: Engine, moment: float) -> tuple[str | None, list[str]]:
    """Return the output of a build that lost its engine (None if it was faster), and errors."""
    with project.start("build-all") as build:
        time.sleep(moment)
        was_over = build.poll() is not None
        os.kill(int((own.run / "docker.pid").read_text()), signal.SIGKILL)
        engine.start(own.name, snapshotter=True, where=own.folders)
        _, said = build.communicate(timeout=BOUND)
        if was_over:
            return None, []
        wrong = (
            []
            if build.returncode in RIGHT
            else [f"the build ended with {build.returncode}: {said}"]
        )
        return said, wrong
