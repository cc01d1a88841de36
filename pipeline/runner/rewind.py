"""Put back what a run changed: all apps run what they ran before it, or the report says which not.

An interrupted run puts nothing back: what it deployed is well, and the next run goes on from there.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import as_told
from ..model.events import AppChanged
from ..model.plan import deploy_order
from ..model.report import DeployStatus, Failure
from .apps import rewinding
from .deploy_work import end

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import PipelineError
    from ..model.apps import Running
    from ..model.plan import DeployStep
    from ..model.report import DeployResult
    from .deploy_work import Work

CHANGED = frozenset({DeployStatus.DEPLOYED, DeployStatus.FAILED})


def rewind(work: Work, results: Mapping[str, DeployResult]) -> dict[str, DeployResult]:
    """The ends of all apps after the release before was put back wherever this run left another.

    Nothing is done where no app failed, or where the user stopped the run. Those that come last by
    `after` go first, `max_parallel` at once.
    """
    fault = next((app for app, r in results.items() if r.status is DeployStatus.FAILED), "")
    if not fault or work.tools.stop.is_set():
        return dict(results)
    ends = dict(results)
    for group in reversed(deploy_order(work.plan.project)):
        steps = [s for s in work.plan.deploys if s.image in group and _changed(results, s)]
        ends |= _group(work, steps[::-1], results, fault)
    return ends


def _changed(results: Mapping[str, DeployResult], step: DeployStep) -> bool:
    return step.app in results and results[step.app].status in CHANGED


def _group(
    work: Work, steps: Iterable[DeployStep], results: Mapping[str, DeployResult], fault: str
) -> dict[str, DeployResult]:
    with ThreadPoolExecutor(work.plan.project.settings.deploy.max_parallel) as pool:
        futures = {s.app: pool.submit(_step, work, s, results[s.app], fault) for s in steps}
        return {app: future.result() for app, future in futures.items()}


def _step(work: Work, step: DeployStep, result: DeployResult, fault: str) -> DeployResult:
    failed = result.status is DeployStatus.FAILED
    if failed and _stands(work, step):
        return result
    if work.tools.stop.is_set():
        why = f"`{fault}` failed, and it was interrupted before it was put back"
        return _left(work, step, result, why)
    if step.now is None:
        return _left(work, step, result, f"`{fault}` failed; before this nothing ran to go back to")
    return _put_back(work, step, result, fault)


def _left(work: Work, step: DeployStep, result: DeployResult, why: str) -> DeployResult:
    """The end of an app that stays as this run left it."""
    if result.status is DeployStatus.FAILED:
        return result
    work.tools.report(AppChanged(step.app, result.status.value, why, result.seconds))
    return replace(result, reason=why)


def _stands(work: Work, step: DeployStep) -> bool:
    """Whether an app whose deploy failed runs what it ran before, all of it, as a driver promises.

    Where that cannot be found out it is put back: a rollback that fails is said.
    """
    try:
        now = work.driver.running([work.apps[step.app]]).get(step.app)
    except Exception:  # noqa: BLE001 - what is not known is put back
        return False
    return _same(now, step.now)


def _same(now: Running | None, before: Running | None) -> bool:
    if now is None or before is None:
        return now is before
    # A release of the same image may have another configuration.
    mine, theirs = (now.digest, now.release), (before.digest, before.release)
    return mine == theirs and now.healthy == before.healthy


def _put_back(work: Work, step: DeployStep, result: DeployResult, fault: str) -> DeployResult:
    tools, started = work.tools, time.monotonic()
    tools.report(AppChanged(step.app, "rolling back"))
    try:
        now = rewinding(work.driver).rollback(work.apps[step.app], tools.report)
    except Exception as raised:  # noqa: BLE001 - one app's end must not hide the others'
        return _not_put_back(work, step, result, fault, as_told(raised))
    seconds = result.seconds + time.monotonic() - started
    own = result.status is DeployStatus.FAILED
    why = f"{result.reason}; it was put back" if own else f"put back, because `{fault}` failed"
    status, failure = DeployStatus.ROLLED_BACK, result.failure
    return end(tools, step, status, why, seconds, now=now, failure=failure)


def _not_put_back(
    work: Work, step: DeployStep, result: DeployResult, fault: str, error: PipelineError
) -> DeployResult:
    """The end of an app that stays in a state that nobody wants: both reasons are said."""
    own = result.status is DeployStatus.FAILED
    first = result.reason if own else f"`{fault}` failed"
    why = f"{first}; it could not be put back: {error.message}"
    told = getattr(error, "failure", None) or Failure("rollback", error.message)
    failure = replace(result.failure or told, message=why)
    return end(work.tools, step, DeployStatus.FAILED, why, result.seconds, failure=failure)
