"""The Invoke tasks. A repository's own `tasks.py` is one line: `from pipeline.tasks import ns`.

Nothing but Invoke is imported here, so that `invoke --list` stays fast.
"""

from __future__ import annotations

from invoke.collection import Collection

from pipeline.tasks.access import login
from pipeline.tasks.building import build, build_all, plan
from pipeline.tasks.creating import apps
from pipeline.tasks.deploying import deploy, deploy_all
from pipeline.tasks.down import down
from pipeline.tasks.health import doctor
from pipeline.tasks.keeping import keep
from pipeline.tasks.locking import lock
from pipeline.tasks.looking import exists, graph, inputs
from pipeline.tasks.promoting import promote
from pipeline.tasks.releasing import releases, rollback, status

__all__ = ["ns"]

ns = Collection(
    build_all,
    build,
    plan,
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
)
