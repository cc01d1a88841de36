"""`plan`: what `build-all` and `deploy-all` would do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task
from msgspec.structs import replace

from ._command import looks
from ._load import load_apps
from ._options import ALLOW, JSON, PROFILE, STRICT, VERIFY, is_deep
from ._run import show_plan
from ._say import say

if TYPE_CHECKING:
    from invoke.context import Context

    from ..model.events import Event
    from ._command import Words


NOTHING_TO_DO, UNKNOWN, SOMETHING_TO_DO = 0, 4, 5


@task(
    help={
        "exit_code": "end with 5 when there is something to do",
        "verify": VERIFY,
        "strict": STRICT,
        "json": JSON,
        "allow": ALLOW,
        "profile": PROFILE,
    },
    iterable=["allow"],
)
@looks
def plan(
    _c: Context,
    *,
    exit_code: bool = False,
    verify: str = "",
    strict: bool = False,
    json: bool = False,
    allow: Words = None,
    profile: str = "",
) -> int:
    """Say what `build-all` and `deploy-all` would do, and why."""
    from ..model.plan import plan as plan_of  # noqa: PLC0415 - loaded late
    from ..runner.inspect import inspect  # noqa: PLC0415

    deep = is_deep(verify)
    project = load_apps(profile, allow, strict=strict, look=True)
    apps = project.apps
    state = inspect(project, apps=apps, deep=deep, report=say_notice)
    what = replace(plan_of(project, state), unasked=project.unasked)
    show_plan(what, json=json)
    if not exit_code:
        return NOTHING_TO_DO
    return SOMETHING_TO_DO if not what.empty else UNKNOWN if what.unasked else NOTHING_TO_DO


def say_notice(event: Event, /) -> None:
    """Say what a look at the registry has to say; there is no run to draw."""
    from ..model.events import Notice  # noqa: PLC0415 - loaded late

    if isinstance(event, Notice):
        say(f"note: {event.text}")
