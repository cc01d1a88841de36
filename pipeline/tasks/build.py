"""`build-all` and `build`: build and push images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import plans
from ._options import RUN_HELP, PlanOptions

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


@task(
    name="build-all",
    help={
        "only": "only these images, separated by commas, and their missing bases; `*` is allowed",
        "force": "build images even if the registry has them",
        **RUN_HELP,
    },
    iterable=["allow", "arg"],
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
    arg: Words = None,
    log: str = "",
    no_record: bool = False,
) -> int:
    """Build and push every image that the registry lacks, bases first."""
    from ._build import run_all

    options = PlanOptions(
        force=force,
        keep_going=keep_going,
        verify=verify,
        strict=strict,
        json=json,
        allow=allow,
        profile=profile,
        arg=arg,
        log=log,
        no_record=no_record,
    )
    return run_all(c, only, options)


@task(
    help={
        "names": "images to build, separated by commas; `*` is allowed",
        "dependents": "also build the images that depend on them",
        "force": "build images even if the registry has them",
        **RUN_HELP,
    },
    iterable=["allow", "arg"],
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
    arg: Words = None,
    log: str = "",
    no_record: bool = False,
) -> int:
    """Build and push some images and their missing bases."""
    from ._build import run

    options = PlanOptions(
        force=force,
        keep_going=keep_going,
        verify=verify,
        strict=strict,
        json=json,
        allow=allow,
        profile=profile,
        arg=arg,
        log=log,
        no_record=no_record,
    )
    return run(c, names, options, dependents=dependents)
