"""Pin externals: ask registries for the digest of each reference, and write `pipeline.lock`.

The lock also has the ONBUILD triggers of externals that a stage begins with.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from .. import graph
from ..errors import Problem, WorkError, raise_problems
from ..http.errors import HttpError
from ..model.image import Pin
from ..model.moves import Move
from ..model.settings import repository_of
from ..process.read_file import FileError
from ..process.write_file import write_file
from ..project.lock_file import LOCK_FILE, load_lock, lock_text
from ..reference import Reference
from ..registry.contents import manifests_of_platforms
from ..registry.labels import version_of
from ..registry.manifest import contents_of
from ..registry.onbuild import onbuild
from ..spelling import did_you_mean
from .open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..model.project import Project
    from ..reference import Digest, ImageName, Platform
    from ..registry.client import Registry
    from ..registry.manifest import Manifest

Pins = dict["Reference", Pin]


def look_up(
    project: Project, environ: Mapping[str, str], only: Collection[Reference] | None = None
) -> Pins:
    """Ask for the digest of every external that names none itself, all at once, without triggers.

    With `only`, the other externals keep what the lock has. An index that differs from the locked
    one only in platforms that no image is built for counts as the locked one.

    Raises `AbsentError` for an external that does not exist, and `UnknownError` where that is not
    known.
    """
    every = externals(project)
    locked = load_lock(project.root).value or {}
    wanted = [r for r in every if only is None or r in only]
    with _opened(project, environ) as registry:
        answers = registry.each(registry.manifest, wanted)
    found: Pins = {}
    for reference in every:
        before = locked.get(reference)
        answer = answers.get(reference)
        if isinstance(answer, HttpError):
            raise answer
        if answer is None:
            found |= {reference: before} if before else {}
            continue
        now = Pin(answer.digest, _platforms(reference, answer))
        same = before is not None and _same_for(before, now, users_platforms(project, reference))
        found[reference] = before if before is not None and same else now
    return found


def choose_externals(project: Project, words: Sequence[str]) -> tuple[Reference, ...]:
    """Return the externals that words name: as a Dockerfile writes them, or without tag or host.

    `debian:12`, `debian` and `docker.io/library/debian:12` name the same. Raises `ConfigError` for
    a word that names none.
    """
    every = externals(project)
    spellings = {reference: _spellings(project, reference) for reference in every}
    known = sorted({name for names in spellings.values() for name in names})
    lost = [word for word in words if word not in known]
    raise_problems(
        [Problem(None, f"no external is called `{w}`", did_you_mean(w, known)) for w in lost]
    )
    return tuple(r for r in every if not spellings[r].isdisjoint(words))


def users_platforms(project: Project, reference: Reference) -> frozenset[Platform]:
    """Return the platforms of all images that name an external."""
    users = (i for i in project if any(e.reference == reference for e in i.externals))
    return frozenset(platform for image in users for platform in image.platforms)


def _spellings(project: Project, reference: Reference) -> frozenset[str]:
    written = {e.written for i in project for e in i.externals if e.reference == reference}
    path = reference.repository.path
    short = {path, path.removeprefix("library/"), path.rpartition("/")[2]}
    return frozenset({*written, *short, str(reference), str(reference.repository)})


def _same_for(before: Pin, now: Pin, platforms: Collection[Platform]) -> bool:
    """Return whether two pins have the same manifest for each platform; both must know them."""
    return bool(platforms) and all(
        before.platforms.get(p) is not None and before.platforms.get(p) == now.platforms.get(p)
        for p in platforms
    )


def look_inside(project: Project, pins: Pins, environ: Mapping[str, str]) -> Pins:
    """Add the ONBUILD triggers of externals that a stage begins with.

    Triggers that the lock has for the same digest are not asked for again. An external that the
    Dockerfile pins itself is added if it has triggers. Raises the errors of `look_up`.
    """
    locked = load_lock(project.root).value or {}
    with _opened(project, environ) as registry:
        looker = _Looker(registry, locked)
        found = {r: looker.looked(r, pin, platforms_of(project, r)) for r, pin in pins.items()}
        for reference, digest in pinned(project):
            looked = looker.looked(reference, Pin(digest), platforms_of(project, reference))
            if any(looked.triggers.values()):
                found[reference] = looked
    return found


def platforms_of(project: Project, reference: Reference) -> tuple[Platform, ...]:
    """Return the platforms for which a stage of the project begins with an external."""
    every = (e for image in project for e in image.externals if e.reference == reference)
    return tuple(sorted({platform for external in every for platform in external.begins}))


def pinned(project: Project) -> tuple[tuple[Reference, Digest], ...]:
    """Return the externals that name their digest and begin a stage, sorted, each once."""
    every = (e.reference for image in project for e in image.externals if e.begins)
    return tuple((r, r.digest) for r in sorted(set(every)) if r.digest)


def externals(project: Project) -> tuple[Reference, ...]:
    """Return the references of externals that a lock can pin, sorted, each once."""
    every = (external.reference for image in project for external in image.externals)
    return tuple(sorted({reference for reference in every if reference.digest is None}))


def moved(project: Project, found: Pins) -> tuple[Move, ...]:
    """Return the externals that differ from the lock, and what each reaches."""
    locked = {e.reference: e.locked for image in project for e in image.externals}
    changed = [(r, pin.digest) for r, pin in found.items() if locked[r] != pin.digest]
    return tuple(_move(project, reference, locked[reference], now) for reference, now in changed)


def with_versions(
    project: Project, moves: Sequence[Move], found: Pins, environ: Mapping[str, str]
) -> tuple[Move, ...]:
    """Return the moves with the versions that the labels of the images say, before and now.

    Two requests for each image that is read, and none if nothing moved. What has no label, or can
    no longer be read, has no version.
    """
    if not moves:
        return ()
    locked = load_lock(project.root).value or {}
    sides = {
        move: [
            _one_image(project, move.reference, pin)
            for pin in (locked.get(move.reference), found[move.reference])
        ]
        for move in moves
    }
    wanted = {one for both in sides.values() for one in both if one}
    with _opened(project, environ) as registry:
        read = registry.each(partial(version_of, registry), wanted)
    known: dict[Reference | None, str] = {
        one: said for one, said in read.items() if isinstance(said, str)
    }
    return tuple(
        replace(move, version_before=known.get(before, ""), version_now=known.get(now, ""))
        for move, (before, now) in sides.items()
    )


def _one_image(project: Project, reference: Reference, pin: Pin | None) -> Reference | None:
    """Return the image of a pin for a platform that is built; any if it is for none of these."""
    if pin is None:
        return None
    users = users_platforms(project, reference)
    fitting = sorted(platform for platform in pin.platforms if platform in users)
    digests = [pin.platforms[platform] for platform in (*fitting, *sorted(pin.platforms))]
    return Reference(reference.repository, None, next(iter(digests), pin.digest))


def _move(project: Project, reference: Reference, before: Digest | None, now: Digest) -> Move:
    images = affected(project, reference)
    specs = (project.image(name).deploy for name in images)
    apps = tuple(app for spec in specs if spec for app in spec.apps)
    return Move(reference, before, now, images, apps)


def affected(project: Project, reference: Reference) -> tuple[ImageName, ...]:
    """Name the images that a change of `reference` rebuilds: its users and their dependents."""
    users = [i.name for i in project if any(e.reference == reference for e in i.externals)]
    above = graph.reverse({image.name: image.base_names for image in project})
    reached = graph.closure(above, users)
    return tuple(name for name in project.names if name in reached)


def write(project: Project, found: Pins) -> None:
    """Write `pipeline.lock`, completely or not at all. Raises `WorkError` if that fails."""
    try:
        write_file(project.root, LOCK_FILE, lock_text(found).encode())
    except FileError as error:
        raise WorkError(f"`{LOCK_FILE}` {error.what}", hint=error.hint) from None


@contextmanager
def _opened(project: Project, environ: Mapping[str, str]) -> Iterator[Registry]:
    """Open a client that reads externals through mirrors, if there are any, as the engine does."""
    with open_registry(project.settings, environ) as registry:
        every = (external.reference for image in project for external in image.externals)
        registry.pushes_to(repository_of(project.settings.registry, name) for name in project.names)
        registry.reads_public(reference.repository for reference in every)
        yield registry


class _Looker(NamedTuple):
    """The registry, and the pins that the lock has already."""

    registry: Registry
    locked: Mapping[Reference, Pin]

    def looked(self, reference: Reference, pin: Pin, platforms: Sequence[Platform]) -> Pin:
        """Return the pin with the triggers of `platforms`."""
        before = self.locked.get(reference)
        known = before.triggers if before and before.digest == pin.digest else {}
        triggers = {platform: known[platform] for platform in platforms if platform in known}
        if missing := [platform for platform in platforms if platform not in known]:
            at = reference.at(pin.digest)
            triggers |= onbuild(self.registry, at, self.registry.manifest(at), missing)
        return replace(pin, triggers=triggers)


def _platforms(reference: Reference, manifest: Manifest) -> dict[Platform, Digest]:
    return manifests_of_platforms(contents_of(manifest, reference).children)
