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
    from .fingerprints.fingerprint import fingerprint
    from .model.plan import plan
    from .project.load import load
    from .runner.inspect import inspect
    from .runner.resolve_apps import resolve_apps
    from .runner.run import run

__version__ = "0.3.0"
"""The one place that says it: packaging, `doctor` and `requires` take it from here."""

__all__ = ["fingerprint", "inspect", "load", "plan", "resolve_apps", "run"]

_HOMES = {
    "fingerprint": "pipeline.fingerprints.fingerprint",
    "inspect": "pipeline.runner.inspect",
    "load": "pipeline.project.load",
    "plan": "pipeline.model.plan",
    "resolve_apps": "pipeline.runner.resolve_apps",
    "run": "pipeline.runner.run",
}

if not TYPE_CHECKING:  # or mypy takes every name for one that is there

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module `pipeline` has no `{name}`")
        return getattr(import_module(_HOMES[name]), name)
