"""`build-all`, `build` and `plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._choose import choose
from ._command import plans
from ._load import load_project
from ._options import ALLOW, JSON, PROFILE, STRICT, VERIFY, is_deep
from ._run import KEEP_GOING, run_project

if TYPE_CHECKING:
    from collections.abc import Collection

    from invoke.context import Context

    from ..model.project import Project
    from ..reference import ImageName
    from ._command import Words


@task(
    name="build-all",
    help={
        "only": "only these images (commas between them, `*` allowed) and the bases they miss",
        "force": "build them though the registry has them",
        "keep_going": KEEP_GOING,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def build_all(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    only: str = "",
    *,
    force: bool = False,
    keep_going: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build and push every image that the registry lacks, bases first."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    names = choose(project, only) if only else project.names
    return run_project(c, project, names, force=force, keep_going=keep_going, deep=deep, json=json)


@task(
    help={
        "names": "images to build, commas between them, `*` allowed",
        "dependents": "also build what stands on them",
        "force": "build them though the registry has them",
        "keep_going": KEEP_GOING,
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@plans
def build(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    names: str,
    *,
    dependents: bool = False,
    force: bool = False,
    keep_going: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Build and push some images, and the bases that they miss."""
    deep = is_deep(verify)
    project = load_project(profile, allow, strict=strict)
    chosen: Collection[ImageName] = choose(project, names)
    if dependents:
        chosen = _with_dependents(project, chosen)
    return run_project(c, project, chosen, force=force, keep_going=keep_going, deep=deep, json=json)


def _with_dependents(project: Project, names: Collection[ImageName]) -> tuple[ImageName, ...]:
    from .. import graph  # noqa: PLC0415 - loaded late

    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, names)
    return tuple(name for name in project.names if name in reached)
