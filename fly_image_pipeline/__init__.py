"""Fly Image Pipeline under its own name, where a repository has a package `pipeline` itself.

    from fly_image_pipeline.tasks import ns

is then the line in `tasks.py`. Invoke looks for modules beside `tasks.py` first, and would find
that other package; this one takes the `pipeline` that it was installed with. A process has one
module of a name: code that `tasks.py` imports cannot use the other `pipeline` as well.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline import (
        AppChanged,
        ConfigError,
        Event,
        FaultError,
        Finished,
        ImageChanged,
        ImageName,
        InterruptedByUserError,
        Location,
        LogLine,
        Notice,
        Phase,
        PipelineError,
        Plan,
        Planned,
        Problem,
        Project,
        Report,
        Reporter,
        State,
        StepChanged,
        UnknownError,
        Warned,
        WorkError,
        fingerprint,
        inspect,
        load,
        plan,
        resolve_apps,
        run,
    )

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

_HOME = Path(__file__).resolve().parents[1] / "pipeline"
"""Wheels and clones have both packages side by side."""


def _take_ours() -> None:
    """Make `import pipeline` mean ours, in this process."""
    other = sys.modules.get("pipeline")
    if other is not None:
        where = getattr(other, "__file__", None) or "a folder without `__init__.py`"
        if Path(where).resolve().parent == _HOME:
            return
        raise ImportError(
            f"another package `pipeline` is loaded already: {where}. Import fly_image_pipeline "
            "before it, and it not at all in the same process",
            name="pipeline",
        )
    spec = spec_from_file_location("pipeline", _HOME / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no `{_HOME}`: install Fly Image Pipeline again")
    module = module_from_spec(spec)
    sys.modules["pipeline"] = module
    spec.loader.exec_module(module)


_take_ours()

if not TYPE_CHECKING:  # or mypy takes every name for one that is there

    def __getattr__(name: str) -> object:
        return getattr(sys.modules["pipeline"], name)
