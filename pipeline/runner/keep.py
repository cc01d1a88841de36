"""Keep images from being pruned by Fly: pin each to a machine that never starts.

Kept are the current image of every base, which no machine runs, and the image of every app's
previous release, which `rollback` needs. `fly.retention` has the machines.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import UnknownError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..fly.errors import FlyError, NoAppError
from ..fly.queries import machines_of, releases_of
from ..fly.retention import add_keeper, move_keeper, remove_keeper, since, slot_of
from ..fly.retention import reference_of as kept_reference
from ..fly.values import release_before
from ..model.fly_apps import SPREAD, app_of_repository, fly_apps
from ..model.keep import KeepStatus, Kept, Role, Slot
from ..model.presence import Absent, Present
from ..model.project import reference_of
from ..model.settings import DriverName
from ..process.wait import wait_until
from ..reference import ReferenceSyntaxError, parse_reference
from ..registry.auth.fly_login import fly_registry

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..fly.api import FlyApi
    from ..fly.values import Machine
    from ..model.image import Image
    from ..model.presence import Presence
    from ..model.project import Project
    from ..process.wait import Clock
    from ..reference import Reference
    from ..registry.client import Registry

AT_ONCE = 16
"""Apps that are worked on at the same time."""
_RELEASES = 100
_PAUSE = 2.0
_CONFLICT, _GONE = 409, 404
_IMPOSSIBLE = frozenset({400, 409, 412, 422})
"""Statuses that say that a request cannot be granted; others say nothing about the image."""


class KeepClients(Struct, frozen=True):
    """Fly's API, the registry at `host`, and the stop event; `clock` is for tests."""

    api: FlyApi
    stop: threading.Event
    registry: Registry
    host: str
    clock: Clock | None = None


class _Wanted(Struct, frozen=True):
    """What to keep in one app: bases with what the registry has of each, and a release."""

    app: str
    bases: list[tuple[Slot, Reference, Presence | UnknownError]] = field(default_factory=list)
    releases: list[Slot] = field(default_factory=list)


def keepable(project: Project, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the base images, app images and apps of which something may be kept.

    Raises `ConfigError` if the project pushes to another registry than Fly's.
    """
    registry_host(project, environ)
    found = (n for image in _images(project) for n in (image.name, *_apps(project, image)))
    return tuple(dict.fromkeys(found))


def registry_host(project: Project, environ: Mapping[str, str]) -> str:
    """Return the host of Fly's registry. Raises `ConfigError` if the project pushes elsewhere."""
    host = fly_registry(environ)
    if project.settings.registry.host != host:
        raise usage_error(
            f"`{project.settings.registry.host}` is not Fly's registry, which alone prunes images",
            hint=f"images are kept on `{host}`: choose a `--profile` that pushes there",
        )
    return host


def keep(project: Project, names: Collection[str], clients: KeepClients) -> tuple[Kept, ...]:
    """Keep the images of `names` (base images, app images, apps); return how each ended.

    An image that is kept already is left alone, and one that cannot be kept stops no other. Raises
    `UnknownError` if nothing at all can be found out.
    """
    wanted = [*_wanted_bases(project, names, clients), *_wanted_releases(project, names)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = tuple(chain.from_iterable(pool.map(partial(_keep_in_app, clients), wanted)))
    if found and all(one.unknown for one in found):
        raise UnknownError(found[0].reason, hint=found[0].hint)
    return found


def list_kept(project: Project, environ: Mapping[str, str], api: FlyApi) -> tuple[Kept, ...]:
    """List what machines of the project's apps keep, also images that are no longer in the project.

    That takes one request for each app. Raises `ConfigError` if the project is not at Fly,
    `UnknownError` for an app that cannot be asked: a list must not lack some of what is kept.
    """
    apps = [app.name for app in fly_apps(project, registry_host(project, environ))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(partial(_kept_in_app, api), apps))
    return tuple(chain.from_iterable(found))


def release_kept(found: Sequence[Kept], names: Collection[str], api: FlyApi) -> tuple[Kept, ...]:
    """Remove the machines of those of `found` that are in `names`: Fly may prune their images."""
    chosen = [one for one in found if one.slot.name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(partial(_release, api), chosen))


def _images(project: Project) -> Iterator[Image]:
    apps = project.settings.deploy.driver is DriverName.FLY
    return (i for i in project if (apps if i.deploy else not i.public))


def _apps(project: Project, image: Image) -> tuple[str, ...]:
    fly = project.settings.deploy.driver is DriverName.FLY
    return image.deploy.apps if image.deploy and fly else ()


def _wanted_bases(project: Project, names: Collection[str], clients: KeepClients) -> list[_Wanted]:
    bases = [image.name for image in project if not image.deploy and image.name in names]
    if not bases:
        return []
    inputs = fingerprint(project, only=bases)
    references = {name: reference_of(project, name, inputs[name].fingerprint) for name in bases}
    found = clients.registry.head_all(list(references.values()))
    wanted: dict[str, _Wanted] = {}
    for name, reference in references.items():
        app = app_of_repository(reference.repository)
        slot = Slot(app, Role.BASE, name)
        wanted.setdefault(app, _Wanted(app)).bases.append((slot, reference, found[reference]))
    return list(wanted.values())


def _wanted_releases(project: Project, names: Collection[str]) -> Iterator[_Wanted]:
    for image in project:
        for app in _apps(project, image):
            if app in names or image.name in names:
                yield _Wanted(app, releases=[Slot(app, Role.ROLLBACK, image.name)])


def _keep_in_app(clients: KeepClients, wanted: _Wanted) -> list[Kept]:
    slots = [*(slot for slot, _, _ in wanted.bases), *wanted.releases]
    try:
        machines = machines_of(clients.api, wanted.app)
    except NoAppError as error:
        status = KeepStatus.ABSENT if wanted.bases else KeepStatus.NONE
        return [Kept(s, status, reason=error.message, hint=error.hint) for s in slots]
    except UnknownError as error:
        return [_failed(slot, error) for slot in slots]
    return [
        *(_keep_base(clients, machines, *base) for base in wanted.bases),
        *(_keep_release(clients, machines, slot) for slot in wanted.releases),
    ]


def _keep_base(
    clients: KeepClients,
    machines: Sequence[Machine],
    slot: Slot,
    reference: Reference,
    found: Presence | UnknownError,
) -> Kept:
    if isinstance(found, UnknownError):
        return _failed(slot, found)
    if isinstance(found, Present):
        return _pin(clients, machines, slot, reference.at(found.digest))
    hint = f"`invoke build {slot.image}` builds and pushes it"
    return Kept(slot, KeepStatus.ABSENT, reference, reason="it is not in the registry", hint=hint)


def _keep_release(clients: KeepClients, machines: Sequence[Machine], slot: Slot) -> Kept:
    try:
        reference = _previous_image(clients, slot.app)
        if reference is None:
            why = "there is no previous release whose image is on Fly's registry"
            return Kept(slot, KeepStatus.NONE, reason=why)
        found = clients.registry.head(reference)
    except UnknownError as error:
        return _failed(slot, error)
    if isinstance(found, Absent):
        why = "Fly has pruned the image of the previous release: `rollback` cannot restore it"
        return Kept(slot, KeepStatus.ABSENT, reference, reason=why)
    pinned = reference.at(found.digest)
    if any(machine.serves and machine.digest == found.digest for machine in machines):
        return Kept(slot, KeepStatus.KEPT, pinned, reason="the app's own machines run it")
    return _pin(clients, machines, slot, pinned)


def _previous_image(clients: KeepClients, app: str) -> Reference | None:
    """Return the image that `rollback` would deploy: of the last good release before the newest."""
    old = release_before(islice(releases_of(clients.api, app), _RELEASES))
    try:
        reference = parse_reference(old.image) if old else None
    except ReferenceSyntaxError:
        return None
    return reference if reference and reference.repository.host == clients.host else None


def _pin(clients: KeepClients, machines: Sequence[Machine], slot: Slot, image: Reference) -> Kept:
    """Create or update the stopped machine of `slot`, so that it pins `image`."""
    mine = _machine_of(machines, slot)
    if mine and mine.digest == image.digest:
        return _row(slot, KeepStatus.KEPT, image, mine)
    if clients.stop.is_set():
        return Kept(slot, KeepStatus.FAILED, image, reason="interrupted before it was kept")
    try:
        if mine:
            moved = _once_found(clients, lambda: move_keeper(clients.api, slot, mine, image))
            return _row(slot, KeepStatus.MOVED, image, moved)
        added = _once_found(clients, lambda: add_keeper(clients.api, slot, image))
        return _row(slot, KeepStatus.ADDED, image, added)
    except FlyError as raised:
        error = raised
    if not mine and error.status == _CONFLICT:
        # Another run has created it meanwhile.
        machines = machines_of(clients.api, slot.app)
        if _machine_of(machines, slot):
            return _pin(clients, machines, slot, image)
    return _failed(slot, error, image)


def _machine_of(machines: Sequence[Machine], slot: Slot) -> Machine | None:
    ours = ((slot_of(slot.app, machine), machine) for machine in machines)
    return next((m for found, m in ours if found and found.same_machine(slot)), None)


def _once_found(clients: KeepClients, change: Callable[[], Machine]) -> Machine:
    """Retry a change while Fly does not find an image that was pushed a moment ago."""

    def attempt() -> Machine | FlyError:
        try:
            return change()
        except FlyError as error:
            if "MANIFEST_UNKNOWN" not in error.message:
                raise
            return error

    found = wait_until(
        attempt,
        lambda answer: not isinstance(answer, FlyError),
        timeout=SPREAD,
        stop=clients.stop,
        pause=_PAUSE,
        clock=clients.clock,
    )
    if isinstance(found, FlyError):
        raise found
    return found


def _kept_in_app(api: FlyApi, app: str) -> list[Kept]:
    try:
        machines = machines_of(api, app)
    except NoAppError:
        return []
    ours = ((slot_of(app, machine), machine) for machine in machines)
    return [_row(slot, KeepStatus.KEPT, kept_reference(m), m) for slot, m in ours if slot]


def _release(api: FlyApi, one: Kept) -> Kept:
    try:
        remove_keeper(api, one.slot, one.machine)
    except FlyError as error:
        if error.status != _GONE:  # else somebody removed it before
            status, why = KeepStatus.FAILED, error.message
            return replace(one, status=status, reason=why, hint=error.hint, unknown=True)
    return replace(one, status=KeepStatus.RELEASED)


def _row(slot: Slot, status: KeepStatus, image: Reference | None, machine: Machine) -> Kept:
    return Kept(slot, status, image, machine.id, since(machine))


def _failed(slot: Slot, error: UnknownError, image: Reference | None = None) -> Kept:
    unknown = getattr(error, "status", 0) not in _IMPOSSIBLE
    status, why = KeepStatus.FAILED, error.message
    return Kept(slot, status, image, reason=why, hint=error.hint, unknown=unknown)
