"""Fly Image Pipeline: shared base images and the apps on them, built once and deployed in order.

    from pipeline import load, inspect, plan, run

    project = load()
    report = run(plan(project, inspect(project)))

`resolve_apps` asks for the names of apps that no file lists; only a project with such needs it.
Each is imported when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.core.plan import plan
    from pipeline.shell.app_lists import resolve_apps
    from pipeline.shell.fingerprints import fingerprint
    from pipeline.shell.inspect import inspect
    from pipeline.shell.load import load
    from pipeline.shell.run import run

__version__ = "0.3.0"
"""The one place that says it: packaging, `doctor` and `requires` take it from here."""

__all__ = ["fingerprint", "inspect", "load", "plan", "resolve_apps", "run"]

_HOMES = {
    "fingerprint": "pipeline.shell.fingerprints",
    "inspect": "pipeline.shell.inspect",
    "load": "pipeline.shell.load",
    "plan": "pipeline.core.plan",
    "resolve_apps": "pipeline.shell.app_lists",
    "run": "pipeline.shell.run",
}

if not TYPE_CHECKING:  # or mypy takes every name for one that is there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module `pipeline` has no `{name}`")
        return getattr(import_module(_HOMES[name]), name)
