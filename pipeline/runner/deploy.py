"""Deploy the apps of a plan: in order of `after`, several at once, never past an unhealthy one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import UnknownError, as_told
from ..model.events import AppChanged
from ..model.hold import OvertakenError
from ..model.plan import DeployAction, deploy_order, deploy_waves
from ..model.report import DeployResult, DeployStatus, Failure, ImageStatus
from .aliases import DONE
from .apps import as_it_is_now, driver_for, wanted_apps
from .deploy_work import Work, blocked, end, held
from .hold import look_again
from .rewind import rewind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model.plan import DeployStep, Plan
    from ..model.report import ImageResult
    from ..reference import ImageName, Reference
    from .deploy_work import Ended
    from .tools import Tools

GOOD = frozenset({DeployStatus.DEPLOYED, DeployStatus.CURRENT, DeployStatus.HELD})


def deploy_apps(
    plan: Plan,
    images: Mapping[ImageName, ImageResult],
    trouble: UnknownError | None,
    tools: Tools,
) -> tuple[tuple[DeployResult, ...], UnknownError | None]:
    """Bring every app of the plan to its end, those that `after` names first.

    An app is deployed when its image is there and all apps before it are well. One that fails
    stops the apps that come after it, and without `keep_going` every later group.
    """
    if not plan.deploys:
        return (), trouble
    if trouble:
        return tuple(blocked(tools, s, trouble.message) for s in plan.deploys), trouble
    results: dict[str, DeployResult] = {}
    try:
        with driver_for(plan.project, tools.environ, tools.stop) as driver:
            apps = wanted_apps(plan.project, [step.app for step in plan.deploys])
            named = {
                app.name: replace(app, revision=plan.revision, backwards=plan.backwards)
                for app in apps
            }
            work = Work(plan, driver, images, tools, named)
            results, trouble = deploy_with(work)
    except UnknownError as error:
        trouble = error
    why = trouble.message if trouble else "not tried"
    ends = (results.get(s.app) or blocked(tools, s, why) for s in plan.deploys)
    return tuple(ends), trouble


def deploy_with(work: Work) -> tuple[dict[str, DeployResult], UnknownError | None]:
    """As `deploy_apps`, with a driver that is open; an app that was not tried is left out.

    With `rollback`, a failed app makes all that this run changed go back.
    """
    plan, trouble = work.plan, None
    results: dict[str, DeployResult] = {}
    for group in deploy_order(plan.project):
        steps = [step for step in plan.deploys if step.image in group]
        for wave in deploy_waves(steps, plan.project.settings.deploy.waves):
            ended, error = _group(work, wave, results)
            results, trouble = results | ended, trouble or error
    return rewind(work, results) if work.tools.rollback else results, trouble


def _group(
    work: Work, steps: Iterable[DeployStep], before: Mapping[str, DeployResult]
) -> tuple[dict[str, DeployResult], UnknownError | None]:
    """The end of each app of a group, and the first of what could not be found out."""
    bad = tuple(result for result in before.values() if result.status not in GOOD)
    with ThreadPoolExecutor(work.plan.project.settings.deploy.max_parallel) as pool:
        futures = {step.app: pool.submit(_step, work, step, bad) for step in steps}
        ends = {app: future.result() for app, future in futures.items()}
    errors = (error for _, error in ends.values() if error)
    return {app: result for app, (result, _) in ends.items()}, next(errors, None)


def _step(work: Work, step: DeployStep, bad: Sequence[DeployResult]) -> Ended:
    tools = work.tools
    if step.held:
        return held(tools, step, step.held, step.now), None
    image = work.images[step.image]
    if why := _obstacle(work, step, bad):
        return blocked(tools, step, why), None
    if step.action is DeployAction.CURRENT:
        return end(tools, step, DeployStatus.CURRENT, step.reason, now=step.now), None
    if image.digest is None:
        return blocked(tools, step, f"the digest of `{image.name}` is not known"), None
    return _deploy(work, step, image.reference.at(image.digest))


def _obstacle(work: Work, step: DeployStep, bad: Sequence[DeployResult]) -> str:
    if work.tools.stop.is_set():
        return "interrupted before it was deployed"
    image = work.images[step.image]
    if image.status not in DONE:
        return f"its image `{step.image}` is {image.status}"
    spec = work.plan.project.image(step.image).deploy
    first = set(spec.after) if spec else set()
    # Where all goes back, nothing more is begun.
    gated = work.tools.rollback or bool(work.plan.project.settings.deploy.waves)
    for result in bad:
        if gated and result.status is DeployStatus.FAILED:
            return f"not tried, because `{result.app}` failed before"
        if result.image in first or not work.tools.keep_going:
            return f"not tried, because `{result.app}` is {result.status}"
    return ""


def _deploy(work: Work, step: DeployStep, image: Reference) -> Ended:
    tools, started = work.tools, time.monotonic()
    fresh = work.images[step.image].status is ImageStatus.BUILT
    tools.report(AppChanged(step.app, "deploying"))
    try:
        look_again(work, step)
        app = as_it_is_now(work.plan.project, work.apps[step.app])
        now = work.driver.deploy(app, image, tools.report, fresh=fresh)
    except OvertakenError as late:
        return held(tools, step, late.held, late.running), None
    except Exception as raised:  # noqa: BLE001 - one app's end must not hide the others'
        error = as_told(raised)
        failure = getattr(error, "failure", None) or Failure("deploy", error.message)
        seconds = time.monotonic() - started
        result = end(tools, step, DeployStatus.FAILED, error.message, seconds, failure=failure)
        return result, error if isinstance(error, UnknownError) else None
    seconds = time.monotonic() - started
    return end(tools, step, DeployStatus.DEPLOYED, step.reason, seconds, now=now), None
