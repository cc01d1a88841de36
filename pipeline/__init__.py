"""Fly Image Pipeline: shared base images and the apps on them, built once and deployed in order.

    from pipeline import load, inspect, plan, run

    project = load()
    report = run(plan(project, inspect(project)))

Each is imported when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.core.plan import plan
    from pipeline.shell.fingerprints import fingerprint
    from pipeline.shell.inspect import inspect
    from pipeline.shell.load import load
    from pipeline.shell.run import run

__all__ = ["fingerprint", "inspect", "load", "plan", "run"]

_HOMES = {
    "fingerprint": "pipeline.shell.fingerprints",
    "inspect": "pipeline.shell.inspect",
    "load": "pipeline.shell.load",
    "plan": "pipeline.core.plan",
    "run": "pipeline.shell.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `pipeline` has no `{name}`")
    return getattr(import_module(_HOMES[name]), name)
