"""Look up what builds and deploys would take: records of earlier builds, and machines that run.

Nothing is tried twice, and what does not answer is not known: this is only for information.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import PipelineError
from ..http.retry import Policy
from ..model.cost import Known
from ..model.project import reference_of
from ..model.record import Record
from .apps import apps_of, open_driver
from .open_registry import open_registry
from .record import read_records
from .status import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..model.project import Project
    from ..model.record import Spent
    from ..model.why import Side
    from ..reference import ImageName
    from .apps import OpenDriver

ONCE = Policy(attempts=1, total=10.0)


def known_costs(
    sides: Sequence[Side], names: Collection[ImageName], environ: Mapping[str, str]
) -> Known:
    """Return what is known of images and of their apps.

    The record of an image is that of the first of `sides`, states of the project, that has one
    which says what its build took.
    """
    project = sides[0].project
    with open_driver(project, environ) as driver:
        return Known(_spent(sides, names, environ), _machines(project, names, driver))


def _spent(
    sides: Sequence[Side], names: Collection[ImageName], environ: Mapping[str, str]
) -> dict[ImageName, Spent]:
    found: dict[ImageName, Spent] = {}
    with open_registry(sides[0].project.settings, environ, policy=ONCE) as registry:
        for side in sides:
            wanted = {
                name: reference_of(side.project, name, side.inputs[name].fingerprint)
                for name in names
                if name not in found and side.has(name) and not side.project.image(name).public
            }
            registry.pushes_to(reference.repository for reference in wanted.values())
            records = read_records(registry, frozenset(wanted.values()))
            for name, at in wanted.items():
                record = records[at]
                if isinstance(record, Record) and record.name == name and record.spent.seconds:
                    found[name] = record.spent
    return found


def _machines(project: Project, names: Collection[ImageName], driver: OpenDriver) -> dict[str, int]:
    # Without its configuration, one request says all of an app.
    apps = [replace(app, config=None) for app in apps_of(project) if app.image in names]
    if not apps:
        return {}
    try:
        found = ask(driver(), apps)
    except PipelineError:
        return {}
    counted: dict[str, int] = {}
    for app, now in found.items():
        if now is None:  # nothing runs yet
            counted[app] = 0
        elif not isinstance(now, PipelineError) and now.machines is not None:
            counted[app] = now.machines
    return counted
