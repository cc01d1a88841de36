"""Deploy the apps of a plan: in order of `after`, several at once, never past an unhealthy one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipeline.core.events import AppChanged
from pipeline.core.plan import DeployAction, deploy_order
from pipeline.core.report import DeployResult, DeployStatus, Failure
from pipeline.errors import PipelineError, UnknownError
from pipeline.shell.aliases import DONE
from pipeline.shell.apps import apps_of, driver_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.core.apps import App, Driver, Running
    from pipeline.core.plan import DeployStep, Plan
    from pipeline.core.reference import ImageName
    from pipeline.core.report import ImageResult
    from pipeline.shell.tools import Tools

GOOD = frozenset({DeployStatus.DEPLOYED, DeployStatus.CURRENT})


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
    results: dict[str, DeployResult] = {}
    if trouble:
        return tuple(_blocked(tools, s, trouble.message) for s in plan.deploys), trouble
    try:
        with driver_for(plan.project, tools.environ) as driver:
            for group in deploy_order(plan.project):
                steps = [step for step in plan.deploys if step.image in group]
                results |= _group(plan, driver, steps, images, results, tools)
    except UnknownError as error:
        trouble = error
    why = trouble.message if trouble else "not tried"
    ends = (results.get(s.app) or _blocked(tools, s, why) for s in plan.deploys)
    return tuple(ends), trouble


def _group(
    plan: Plan,
    driver: Driver,
    steps: Iterable[DeployStep],
    images: Mapping[ImageName, ImageResult],
    before: Mapping[str, DeployResult],
    tools: Tools,
) -> dict[str, DeployResult]:
    apps = {app.name: app for app in apps_of(plan.project)}
    with ThreadPoolExecutor(plan.project.settings.deploy.max_parallel) as pool:
        futures = {}
        for step in steps:
            why = _obstacle(plan, step, images, before, tools)
            if why:
                futures[step.app] = pool.submit(_blocked, tools, step, why)
            else:
                image = images[step.image]
                futures[step.app] = pool.submit(_deploy, driver, apps[step.app], step, image, tools)
        return {app: future.result() for app, future in futures.items()}


def _obstacle(
    plan: Plan,
    step: DeployStep,
    images: Mapping[ImageName, ImageResult],
    before: Mapping[str, DeployResult],
    tools: Tools,
) -> str:
    if tools.stop.is_set():
        return "interrupted before it was deployed"
    image = images[step.image]
    if image.status not in DONE:
        return f"its image `{step.image}` is {image.status}"
    spec = plan.project.image(step.image).deploy
    first = set(spec.after) if spec else set()
    bad = [r for r in before.values() if r.status not in GOOD]
    for result in bad:
        if result.image in first or not tools.keep_going:
            return f"not tried, because `{result.app}` is {result.status}"
    return ""


def _deploy(
    driver: Driver, app: App, step: DeployStep, image: ImageResult, tools: Tools
) -> DeployResult:
    if step.action is DeployAction.CURRENT:
        return _end(tools, step, DeployStatus.CURRENT, step.reason, now=step.now)
    if image.digest is None:
        return _blocked(tools, step, f"the digest of `{image.name}` is not known")
    started = time.monotonic()
    tools.report(AppChanged(app.name, "deploying"))
    try:
        now = driver.deploy(app, image.reference.at(image.digest), tools.report)
    except PipelineError as error:
        failure = getattr(error, "failure", None) or Failure("deploy", error.message)
        seconds = time.monotonic() - started
        return _end(tools, step, DeployStatus.FAILED, error.message, seconds, failure=failure)
    seconds = time.monotonic() - started
    return _end(tools, step, DeployStatus.DEPLOYED, step.reason, seconds, now=now)


def _blocked(tools: Tools, step: DeployStep, why: str) -> DeployResult:
    return _end(tools, step, DeployStatus.BLOCKED, why)


def _end(  # noqa: PLR0913 - the fields of a result, said once
    tools: Tools,
    step: DeployStep,
    status: DeployStatus,
    reason: str,
    seconds: float = 0.0,
    *,
    now: Running | None = None,
    failure: Failure | None = None,
) -> DeployResult:
    tools.report(AppChanged(step.app, status.value, reason, seconds))
    release, url = (now.release, now.url) if now else ("", "")
    return DeployResult(step.app, step.image, status, reason, release, url, seconds, failure)
