"""Tie images to machines that never start, so that Fly does not prune them.

Kept are each base image as it is wanted now, which no machine runs, and the image of each app's
release before, which `rollback` needs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import UnknownError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..fly.errors import NoAppError
from ..fly.queries import machines_of, releases_of
from ..fly.values import release_before
from ..model.fly_apps import app_of_repository
from ..model.keep import KeepStatus, Kept, Role, Slot
from ..model.presence import Absent, Present
from ..model.project import reference_of
from ..model.settings import DriverName
from ..reference import ReferenceSyntaxError, parse_reference
from ..registry.auth.fly_login import fly_registry
from .tie import Tying, failed, tied

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..fly.values import Machine
    from ..model.image import Image
    from ..model.presence import Presence
    from ..model.project import Project
    from ..reference import Reference
    from ..registry.client import Registry

AT_ONCE = 16
_RELEASES = 100


class Keeper(Tying, frozen=True):
    """What keeping needs of the world besides: the registry, at `host`."""

    registry: Registry
    host: str


class _Work(Struct, frozen=True):
    """What is to be kept in one app: bases with what the registry says of them, and a release."""

    app: str
    bases: list[tuple[Slot, Reference, Presence | UnknownError]] = field(default_factory=list)
    before: list[Slot] = field(default_factory=list)


def keepable(project: Project, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of base images, app images and apps that something may be kept of.

    Raises `ConfigError` where the project pushes to another registry than Fly's.
    """
    registry_host(project, environ)
    found = (n for image in _images(project) for n in (image.name, *_apps(project, image)))
    return tuple(dict.fromkeys(found))


def registry_host(project: Project, environ: Mapping[str, str]) -> str:
    """Fly's registry, which the project pushes to. Raises `ConfigError` where it does not."""
    host = fly_registry(environ)
    if project.settings.registry.host != host:
        raise usage_error(
            f"`{project.settings.registry.host}` is not Fly's registry, which alone prunes images",
            hint=f"images are kept on `{host}`: choose a `--profile` that pushes there",
        )
    return host


def keep(project: Project, names: Collection[str], keeper: Keeper) -> tuple[Kept, ...]:
    """Keep what of `names` (base images, app images, apps) should be kept.

    What is kept already is left alone; one trouble does not keep the others from it. Raises
    `UnknownError` where nothing at all can be found out.
    """
    works = [*_base_works(project, names, keeper), *_app_works(project, names)]
    return _together(works, partial(_keep_all, keeper))


def _images(project: Project) -> Iterator[Image]:
    apps = project.settings.deploy.driver is DriverName.FLY
    return (i for i in project if (apps if i.deploy else not i.public))


def _apps(project: Project, image: Image) -> tuple[str, ...]:
    fly = project.settings.deploy.driver is DriverName.FLY
    return image.deploy.apps if image.deploy and fly else ()


def _base_works(project: Project, names: Collection[str], keeper: Keeper) -> list[_Work]:
    bases = [image.name for image in project if not image.deploy and image.name in names]
    if not bases:
        return []
    inputs = fingerprint(project, only=bases)
    wanted = {name: reference_of(project, name, inputs[name].fingerprint) for name in bases}
    found = keeper.registry.head_all(list(wanted.values()))
    works: dict[str, _Work] = {}
    for name, reference in wanted.items():
        app = app_of_repository(reference.repository)
        slot = Slot(app, Role.BASE, name)
        works.setdefault(app, _Work(app)).bases.append((slot, reference, found[reference]))
    return list(works.values())


def _app_works(project: Project, names: Collection[str]) -> Iterator[_Work]:
    for image in project:
        for app in _apps(project, image):
            if app in names or image.name in names:
                yield _Work(app, before=[Slot(app, Role.ROLLBACK, image.name)])


def _together(works: Sequence[_Work], each: Callable[[_Work], list[Kept]]) -> tuple[Kept, ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = tuple(chain.from_iterable(pool.map(each, works)))
    if found and all(one.unknown for one in found):
        raise UnknownError(found[0].reason, hint=found[0].hint)
    return found


def _keep_all(keeper: Keeper, work: _Work) -> list[Kept]:
    slots = [*(slot for slot, _, _ in work.bases), *work.before]
    try:
        machines = machines_of(keeper.api, work.app)
    except NoAppError as error:
        why = KeepStatus.ABSENT if work.bases else KeepStatus.NONE
        return [Kept(s, why, reason=error.message, hint=error.hint) for s in slots]
    except UnknownError as error:
        return [failed(slot, error) for slot in slots]
    return [
        *(_keep_base(keeper, machines, *base) for base in work.bases),
        *(_keep_before(keeper, machines, slot) for slot in work.before),
    ]


def _keep_base(
    keeper: Keeper,
    machines: Sequence[Machine],
    slot: Slot,
    reference: Reference,
    found: Presence | UnknownError,
) -> Kept:
    if isinstance(found, UnknownError):
        return failed(slot, found)
    if isinstance(found, Present):
        return tied(keeper, machines, slot, reference.at(found.digest))
    hint = f"`invoke build {slot.image}` builds and pushes it"
    return Kept(slot, KeepStatus.ABSENT, reference, reason="it is not in the registry", hint=hint)


def _keep_before(keeper: Keeper, machines: Sequence[Machine], slot: Slot) -> Kept:
    try:
        reference = _before(keeper, slot.app)
        if reference is None:
            why = "there is no release before whose image is on Fly's registry"
            return Kept(slot, KeepStatus.NONE, reason=why)
        found = keeper.registry.head(reference)
    except UnknownError as error:
        return failed(slot, error)
    if isinstance(found, Absent):
        why = "the image of the release before is pruned already: `rollback` cannot go back to it"
        return Kept(slot, KeepStatus.ABSENT, reference, reason=why)
    pinned = reference.at(found.digest)
    if any(machine.serves and machine.digest == found.digest for machine in machines):
        return Kept(slot, KeepStatus.KEPT, pinned, reason="the app's own machines run it")
    return tied(keeper, machines, slot, pinned)


def _before(keeper: Keeper, app: str) -> Reference | None:
    """What `rollback` would put back: the last good release before the newest."""
    old = release_before(islice(releases_of(keeper.api, app), _RELEASES))
    try:
        reference = parse_reference(old.image) if old else None
    except ReferenceSyntaxError:
        return None
    return reference if reference and reference.repository.host == keeper.host else None
