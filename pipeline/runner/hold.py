"""Look again, right before something changes, whether a newer commit was deployed meanwhile.

The plan was made before the builds, which may have taken minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model.apps import App
from ..model.hold import hold, let_newer_be
from ..model.plan import DeployAction
from .apps import driver_for

if TYPE_CHECKING:
    from ..deploy.protocol import Driver
    from ..model.plan import DeployStep, Plan
    from .deploy_work import Work
    from .tools import Tools


def look_again(work: Work, step: DeployStep) -> None:
    """Raise `OvertakenError` where an app runs a newer commit by now.

    Nothing is asked where no commit is known. At Fly that is one request for each app that is
    deployed.
    """
    app = work.apps[step.app]
    if app.revision is None or app.backwards:
        return
    # Without its configuration, which nobody compares here.
    let_newer_be(app, work.driver.running([App(app.name, app.image)]).get(app.name))


def hold_aliases(plan: Plan, tools: Tools) -> Plan:
    """The plan without the aliases of images whose app runs a newer commit by now.

    Nothing is asked where no such alias would move.
    """
    if plan.revision is None or plan.backwards or not _moving(plan):
        return plan
    with driver_for(plan.project, tools.environ, tools.stop) as driver:
        return without_late(plan, driver)


def without_late(plan: Plan, driver: Driver) -> Plan:
    """As `hold_aliases`, with a driver that is open."""
    due = _moving(plan)
    running = driver.running([App(step.app, step.image) for step in due])
    late = {step.image for step in due if hold(plan.revision, running.get(step.app))}
    images = (replace(a, move=()) if a.name in late else a for a in plan.images)
    return replace(plan, images=tuple(images))


def _moving(plan: Plan) -> list[DeployStep]:
    """The apps that are to be deployed, and whose image's aliases move."""
    moving = {action.name for action in plan.images if action.move}
    return [s for s in plan.deploys if s.image in moving and s.action is DeployAction.DEPLOY]
