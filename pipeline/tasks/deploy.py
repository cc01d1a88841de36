"""`deploy-all` and `deploy`: build what apps need, and deploy them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from ._command import plans
from ._options import RUN_HELP, PlanOptions

if TYPE_CHECKING:
    from invoke.context import Context

    from ._command import Words


FORCE = "also deploy apps that are current or held; builds no more images than without"
ROLLBACK = "if an app fails, roll back all apps that this run deployed (not after Ctrl-C)"


@task(
    name="deploy-all",
    help={
        "only": "only these images or apps, separated by commas; `*` is allowed",
        "force": FORCE,
        "rollback": ROLLBACK,
        **RUN_HELP,
    },
    iterable=["allow", "arg"],
)
@plans
def deploy_all(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    only: str = "",
    *,
    force: bool = False,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
    log: str = "",
    no_record: bool = False,
) -> int:
    """Build what is missing, then deploy every app that is not current."""
    from ._deploy import run

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
    return run(c, only, options, rollback=rollback)


@task(
    help={
        "names": "images or apps to deploy, separated by commas; `*` is allowed",
        "force": FORCE,
        "rollback": ROLLBACK,
        **RUN_HELP,
    },
    iterable=["allow", "arg"],
)
@plans
def deploy(  # noqa: PLR0913 - each an option of the command line
    c: Context,
    names: str,
    *,
    force: bool = False,
    keep_going: bool = False,
    rollback: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
    arg: Words = None,
    log: str = "",
    no_record: bool = False,
) -> int:
    """Build what some images or apps need, then deploy those of them that are not current."""
    from ._deploy import run

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
    return run(c, names, options, rollback=rollback)
