"""Deploy the apps of a plan: in order of `after`, several at once, never past an unhealthy one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UnknownError, as_pipeline_error
from ..model.actions import DeployAction
from ..model.apps import App
from ..model.events import AppChanged
from ..model.hold import OvertakenError, check_overtaken, hold
from ..model.report import DeployResult, DeployStatus, Failure, ImageStatus
from ..model.waves import deploy_order, deploy_waves
from .aliases import DONE
from .apps import configured_apps, reread
from .rollback import roll_back_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..deploy.protocol import Driver
    from ..model.actions import AppAction
    from ..model.apps import Running
    from ..model.hold import Held
    from ..model.plan import Plan
    from ..reference import Reference
    from .apps import OpenDriver
    from .tools import Tools

GOOD = frozenset({DeployStatus.DEPLOYED, DeployStatus.CURRENT, DeployStatus.HELD})


class Deployment(Struct, frozen=True):
    """All that a deploy needs: the plan, the driver, the tools of the run, and apps by name."""

    plan: Plan
    driver: Driver
    tools: Tools
    apps: Mapping[str, App]


def deploy_apps(plan: Plan, tools: Tools, driver: OpenDriver) -> None:
    """Deploy the apps of the plan, those that `after` names first, and record how each ended.

    An app is deployed if its image exists and all apps before it are healthy. One that fails stops
    the apps that come after it, and without `keep_going` every later group. With `rollback`, a
    failed app makes every app that this run changed go back. Raises the first `UnknownError`, after
    all apps were recorded.
    """
    if not plan.deploys:
        return
    opened = driver()
    found = configured_apps(plan.project, [action.app for action in plan.deploys])
    apps = {a.name: replace(a, revision=plan.revision, backwards=plan.backwards) for a in found}
    deploy_with(Deployment(plan, opened, tools, apps))


def deploy_with(deployment: Deployment) -> None:
    """Deploy with a driver that is open; see `deploy_apps`."""
    plan, tools = deployment.plan, deployment.tools
    errors: list[UnknownError] = []
    for group in deploy_order(plan.project):
        actions = [action for action in plan.deploys if action.image in group]
        for wave in deploy_waves(actions, plan.project.settings.deploy.waves):
            errors += _deploy_wave(deployment, wave)
    if tools.rollback:
        roll_back_run(plan, deployment.driver, deployment.apps, tools)
    if errors:
        raise errors[0]


def hold_aliases(plan: Plan, tools: Tools, driver: OpenDriver) -> Plan:
    """Return the plan without the aliases of images whose app runs a newer commit by now.

    The plan was made before the builds, which may have taken minutes. Nothing is asked if no such
    alias would move. Raises `UnknownError`.
    """
    if plan.revision is None or plan.backwards or not _moving(plan) or tools.stop.is_set():
        return plan
    return without_overtaken(plan, driver())


def without_overtaken(plan: Plan, driver: Driver) -> Plan:
    """Ask the driver which apps run a newer commit; leave out the aliases of their images."""
    due = _moving(plan)
    running = driver.running([App(action.app, action.image) for action in due])
    late = {
        action.image
        for action in due
        if hold(plan.revision, running.get(action.app), plan.wanted(action.image))
    }
    images = (replace(a, move=()) if a.name in late else a for a in plan.images)
    return replace(plan, images=tuple(images))


def _moving(plan: Plan) -> list[AppAction]:
    """Return the apps that are to be deployed and whose image's aliases move."""
    moving = {action.name for action in plan.images if action.move}
    return [a for a in plan.deploys if a.image in moving and a.action is DeployAction.DEPLOY]


def _deploy_wave(deployment: Deployment, wave: Iterable[AppAction]) -> list[UnknownError]:
    """Deploy the apps of a wave, `max_parallel` at once; return what could not be found out."""
    bad = tuple(r for r in deployment.tools.results.apps.values() if r.status not in GOOD)
    with ThreadPoolExecutor(deployment.plan.project.settings.deploy.max_parallel) as pool:
        ends = list(pool.map(lambda action: _deploy_or_leave(deployment, action, bad), wave))
    return [error for error in ends if error]


def _deploy_or_leave(
    deployment: Deployment, action: AppAction, bad: Sequence[DeployResult]
) -> UnknownError | None:
    """Deploy an app unless it is held, current or blocked; record how it ended."""
    tools = deployment.tools
    image = tools.results.images[action.image]
    if action.held:
        tools.end_app(_held(action, action.held, action.now))
    elif why := _obstacle(deployment, action, bad):
        tools.end_app(blocked(action, why))
    elif action.action is DeployAction.CURRENT:
        tools.end_app(_result(action, DeployStatus.CURRENT, action.reason, now=action.now))
    elif image.digest is None:
        tools.end_app(blocked(action, f"the digest of `{image.name}` is not known"))
    else:
        return _deploy(deployment, action, image.reference.at(image.digest))
    return None


def _obstacle(deployment: Deployment, action: AppAction, bad: Sequence[DeployResult]) -> str:
    """Say why an app must not be deployed; empty if it may."""
    tools, settings = deployment.tools, deployment.plan.project.settings.deploy
    if tools.stop.is_set():
        return "interrupted before it was deployed"
    image = tools.results.images[action.image]
    if image.status not in DONE:
        return f"its image `{action.image}` is {image.status}"
    spec = deployment.plan.project.image(action.image).deploy
    first = set(spec.after) if spec else set()
    # If all go back after a failure, no further app is begun.
    ends_all = tools.rollback or bool(settings.waves)
    for result in bad:
        if ends_all and result.status is DeployStatus.FAILED:
            return f"not tried, because `{result.app}` failed before"
        if result.image in first or not tools.keep_going:
            return f"not tried, because `{result.app}` is {result.status}"
    return ""


def _deploy(deployment: Deployment, action: AppAction, image: Reference) -> UnknownError | None:
    tools, started = deployment.tools, time.monotonic()
    fresh = tools.results.images[action.image].status is ImageStatus.BUILT
    tools.report(AppChanged(action.app, "deploying"))
    try:
        _check_overtaken(deployment, action, image)
        app = reread(deployment.plan.project, deployment.apps[action.app])
        now = deployment.driver.deploy(app, image, tools.report, fresh=fresh)
    except OvertakenError as late:
        tools.end_app(_held(action, late.held, late.running))
        return None
    except Exception as raised:  # noqa: BLE001 - one app's end must not hide the others'
        error = as_pipeline_error(raised)
        failure = getattr(error, "failure", None) or Failure("deploy", error.message)
        failed = _result(action, DeployStatus.FAILED, error.message)
        tools.end_app(replace(failed, seconds=time.monotonic() - started, failure=failure))
        return error if isinstance(error, UnknownError) else None
    deployed = _result(action, DeployStatus.DEPLOYED, action.reason, now=now)
    tools.end_app(replace(deployed, seconds=time.monotonic() - started))
    return None


def _check_overtaken(deployment: Deployment, action: AppAction, image: Reference) -> None:
    """Raise `OvertakenError` if an app runs a newer commit by now, or was rolled back.

    Nothing is asked if no commit is known. At Fly that is one request for each app that is
    deployed.
    """
    app = deployment.apps[action.app]
    if app.revision is None or app.backwards:
        return
    # Without the app's configuration, as nothing compares it here.
    running = deployment.driver.running([App(app.name, app.image)])
    check_overtaken(app, image, running.get(app.name))


def blocked(action: AppAction, why: str) -> DeployResult:
    """Return the result of an app that was not tried."""
    return _result(action, DeployStatus.BLOCKED, why)


def _held(action: AppAction, held: Held, now: Running | None) -> DeployResult:
    result = _result(action, DeployStatus.HELD, held.reason, now=now)
    return replace(result, deliberate=held.deliberate)


def _result(
    action: AppAction, status: DeployStatus, reason: str, *, now: Running | None = None
) -> DeployResult:
    """Return the result of an app. `now` is what it runs, if that is known."""
    release, url = (now.release, now.url) if now else ("", "")
    return DeployResult(action.app, action.image, status, reason, release, url)
