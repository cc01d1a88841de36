"""Which machines keep images, and letting go of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..fly.errors import FlyError, NoAppError
from ..fly.queries import machines_of
from ..fly.retention import reference_of, remove_keeper, slot_of
from ..model.fly_apps import fly_apps
from ..model.keep import KeepStatus
from .keep import AT_ONCE, registry_host
from .tie import row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..fly.api import FlyApi
    from ..model.keep import Kept
    from ..model.project import Project


def kept(project: Project, environ: Mapping[str, str], api: FlyApi) -> tuple[Kept, ...]:
    """What machines of the project's apps keep, also images that it no longer has.

    One request for each app. Raises `ConfigError` where the project is not at Fly, `UnknownError`
    for an app that cannot be asked: a list that lacks some would be taken for all.
    """
    apps = [app.name for app in fly_apps(project, registry_host(project, environ))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(partial(_kept_by, api), apps))
    return tuple(one for some in found for one in some)


def release(found: Sequence[Kept], names: Collection[str], api: FlyApi) -> tuple[Kept, ...]:
    """Let go of what of `found` is called by one of `names`: Fly may prune it from now on."""
    chosen = [one for one in found if one.slot.name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(partial(_released, api), chosen))


def _kept_by(api: FlyApi, app: str) -> list[Kept]:
    try:
        machines = machines_of(api, app)
    except NoAppError:
        return []
    ours = ((slot_of(app, machine), machine) for machine in machines)
    return [row(slot, KeepStatus.KEPT, reference_of(m), m) for slot, m in ours if slot]


def _released(api: FlyApi, one: Kept) -> Kept:
    try:
        remove_keeper(api, one.slot, one.machine)
    except FlyError as error:
        # 404: somebody else has let go of it.
        if error.status != 404:
            status, why = KeepStatus.FAILED, error.message
            return replace(one, status=status, reason=why, hint=error.hint, unknown=True)
    return replace(one, status=KeepStatus.RELEASED)
