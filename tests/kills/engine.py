"""An engine that is killed in the middle of a build, and comes back a moment later."""

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
"""Seconds after which a run hangs."""
RIGHT = (0, 1, 4)
"""How a run may end that lost its engine: what it has said, it knows; a fault of ours is 3."""


def without_engine(project: Project, own: Engine, moment: float) -> tuple[str | None, list[str]]:
    """What a build said that lost its engine, and what is wrong; `None` if it was over before."""
    with project.start("build-all") as build:
        time.sleep(moment)
        was_over = build.poll() is not None
        os.kill(int((own.run / "docker.pid").read_text()), signal.SIGKILL)
        engine.start(own.name, snapshotter=True, where=own.places)
        _, said = build.communicate(timeout=BOUND)
        if was_over:
            return None, []
        wrong = [] if build.returncode in RIGHT else [f"it ended with {build.returncode}: {said}"]
        return said, wrong
