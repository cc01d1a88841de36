"""Fly Image Pipeline: shared base images and the apps on them, built once and deployed in order.

    from pipeline import load, inspect, plan, run

    project = load()
    report = run(plan(project, inspect(project)))

`resolve_apps` asks for the names of apps that no file lists; only a project with such needs it.
The classes are those of what the functions take, return, report and raise. Each name is imported
when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import (
        ConfigError,
        FaultError,
        InterruptedByUserError,
        Location,
        PipelineError,
        Problem,
        UnknownError,
        WorkError,
    )
    from .fingerprints.fingerprint import fingerprint
    from .model.events import (
        AppChanged,
        Event,
        Finished,
        ImageChanged,
        LogLine,
        Notice,
        Phase,
        Planned,
        Reporter,
        StepChanged,
        Warned,
    )
    from .model.plan import Plan, plan
    from .model.project import Project
    from .model.report import Report
    from .model.state import State
    from .project.load import load
    from .reference import ImageName
    from .runner.inspect import inspect
    from .runner.resolve_apps import resolve_apps
    from .runner.run import run

__version__ = "0.3.0"
"""The one place that says it: packaging, `doctor` and `requires` take it from here."""

__all__ = [
    "AppChanged",
    "ConfigError",
    "Event",
    "FaultError",
    "Finished",
    "ImageChanged",
    "ImageName",
    "InterruptedByUserError",
    "Location",
    "LogLine",
    "Notice",
    "Phase",
    "PipelineError",
    "Plan",
    "Planned",
    "Problem",
    "Project",
    "Report",
    "Reporter",
    "State",
    "StepChanged",
    "UnknownError",
    "Warned",
    "WorkError",
    "fingerprint",
    "inspect",
    "load",
    "plan",
    "resolve_apps",
    "run",
]

_HOMES = {
    "AppChanged": "pipeline.model.events",
    "ConfigError": "pipeline.errors",
    "Event": "pipeline.model.events",
    "FaultError": "pipeline.errors",
    "Finished": "pipeline.model.events",
    "ImageChanged": "pipeline.model.events",
    "ImageName": "pipeline.reference",
    "InterruptedByUserError": "pipeline.errors",
    "Location": "pipeline.errors",
    "LogLine": "pipeline.model.events",
    "Notice": "pipeline.model.events",
    "Phase": "pipeline.model.events",
    "PipelineError": "pipeline.errors",
    "Plan": "pipeline.model.plan",
    "Planned": "pipeline.model.events",
    "Problem": "pipeline.errors",
    "Project": "pipeline.model.project",
    "Report": "pipeline.model.report",
    "Reporter": "pipeline.model.events",
    "State": "pipeline.model.state",
    "StepChanged": "pipeline.model.events",
    "UnknownError": "pipeline.errors",
    "Warned": "pipeline.model.events",
    "WorkError": "pipeline.errors",
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
