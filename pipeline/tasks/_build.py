"""Choose images and build them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import graph
from ._choose import choose
from ._load import is_deep, load_project
from ._run import run_project

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from ..model.project import Project
    from ..reference import ImageName
    from ._command import Words


def run_all(  # noqa: PLR0913 - the options of the command line
    c: Context,
    only: str,
    *,
    force: bool,
    keep_going: bool,
    verify: str,
    strict: bool,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Build the images that `only` chooses, or all, and the bases that are missing."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    names = choose(project, only) if only else project.names
    return run_project(c, project, names, force=force, keep_going=keep_going, deep=deep, json=json)


def run(  # noqa: PLR0913 - the options of the command line
    c: Context,
    names: str,
    *,
    dependents: bool,
    force: bool,
    keep_going: bool,
    verify: str,
    strict: bool,
    json: bool,
    allow: Words,
    profile: str,
) -> int:
    """Build the chosen images, their missing bases and, with `dependents`, what is above."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    chosen: Collection[ImageName] = choose(project, names)
    if dependents:
        chosen = _with_dependents(project, chosen)
    return run_project(c, project, chosen, force=force, keep_going=keep_going, deep=deep, json=json)


def _with_dependents(project: Project, names: Collection[ImageName]) -> tuple[ImageName, ...]:
    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, names)
    return tuple(name for name in project.names if name in reached)
