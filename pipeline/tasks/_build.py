"""Choose images and build them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import graph
from ._choose import choose
from ._load import load_with
from ._run import run_project

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from ..model.project import Project
    from ..reference import ImageName
    from ._options import PlanOptions


def run_all(c: Context, only: str, options: PlanOptions) -> int:
    """Build the images that `only` chooses, or all, and the bases that are missing."""
    project = load_with(options)
    names = choose(project, only) if only else project.names
    return run_project(c, project, names, options)


def run(c: Context, names: str, options: PlanOptions, *, dependents: bool) -> int:
    """Build the chosen images, their missing bases and, with `dependents`, their dependents."""
    project = load_with(options)
    chosen: Collection[ImageName] = choose(project, names)
    if dependents:
        chosen = _with_dependents(project, chosen)
    return run_project(c, project, chosen, options)


def _with_dependents(project: Project, names: Collection[ImageName]) -> tuple[ImageName, ...]:
    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, names)
    return tuple(name for name in project.names if name in reached)
