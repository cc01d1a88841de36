"""The Invoke tasks. A repository's own `tasks.py` is one line: `from pipeline.tasks import ns`.

Nothing but Invoke is imported here, so that `invoke --list` stays fast.
"""

from __future__ import annotations

from invoke.collection import Collection

from .apps import apps
from .build import build, build_all
from .deploy import deploy, deploy_all
from .doctor import doctor
from .down import down
from .exists import exists
from .graph import graph
from .help import SHOWN, show_help
from .impact import impact
from .init import init
from .inputs import inputs
from .keep import keep
from .lock import lock
from .login import login
from .plan import plan
from .promote import promote
from .releases import releases
from .rollback import rollback
from .status import status
from .why import why

__all__ = ["ns"]


class _Tasks(Collection):
    """The tasks. `help` is the default one, until a user's `tasks.py` makes another the default."""

    def _check_default_collision(self, name: str) -> None:
        if self.default != "help":
            super()._check_default_collision(name)


ns = _Tasks(
    show_help,
    build_all,
    build,
    plan,
    why,
    impact,
    graph,
    inputs,
    exists,
    deploy_all,
    deploy,
    status,
    rollback,
    releases,
    down,
    apps,
    keep,
    lock,
    promote,
    login,
    doctor,
    init,
)
SHOWN.append(ns)
