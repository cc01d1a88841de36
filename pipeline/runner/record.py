"""Write the records of builds beside their images, and read them (`model.record`).

A record is put before the tag of its image. So where the registry takes records, an image that is
found has one. What goes wrong with a record costs a notice, and never the build.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import starmap
from threading import Lock
from typing import TYPE_CHECKING

from ..errors import as_pipeline_error
from ..fingerprints.reuse_key import own_key
from ..http.errors import HttpError
from ..model.events import Notice
from ..model.record import (
    ARTIFACT,
    LAYER,
    Layer,
    Record,
    RecordError,
    Spent,
    are_recorded,
    compress,
    decompress,
    read_record,
    record_reference,
    record_text,
)
from ..model.reuse import own_reference
from ..model.settings import repository_of
from ..model.why import Recorded
from ..process.git import revision_of
from ..reference import Reference, ReferenceSyntaxError, parse_reference
from ..registry.artifact import Kind, put_artifact, read_artifact
from ..registry.auth.fly_login import fly_registry
from ..registry.errors import KeptTagError
from ..registry.manifest import contents_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..model.plan import Plan
    from ..model.project import Project
    from ..model.why import Earlier
    from ..reference import ImageName
    from ..registry.client import Registry
    from .publish import Pushed
    from .tools import Tools

KIND = Kind(ARTIFACT, LAYER)
_AT_ONCE = 16
_READING = Lock()
"""msgspec crashes where two threads are the first to decode a type at the same time."""


def write_records(plan: Plan, images: Sequence[Pushed], tools: Tools) -> None:
    """Write the record of each image that was built and pushed to its staging tag.

    Nothing is written if the settings leave records out. An image whose tag leaves no room for
    another has none. The record of an image that may be reused is found by its own key, too.
    """
    if not _is_recorded(plan, tools):
        return
    # The stopwatch is for one thread.
    seconds = {image.action.name: tools.stopwatch.seconds(image.action.name) for image in images}
    _write_all(plan, images, seconds, _places_by_own_keys(plan, images), tools)


def write_records_again(plan: Plan, images: Sequence[Pushed], tools: Tools) -> None:
    """Write the record of each image that is reused: with what its build took.

    That is read from the record of its build. Where there is none, it says 0 seconds.
    """
    if not _is_recorded(plan, tools):
        return
    places = _places_by_own_keys(plan, images)
    records = read_records(tools.registry, places.values())
    seconds = {
        name: record.spent.seconds
        for name, place in places.items()
        if isinstance(record := records[place], Record) and record.name == name
    }
    _write_all(plan, images, seconds, {}, tools)


def _is_recorded(plan: Plan, tools: Tools) -> bool:
    return are_recorded(plan.project.settings.registry, fly_registry(tools.environ))


def _places_by_own_keys(plan: Plan, images: Sequence[Pushed]) -> dict[ImageName, Reference]:
    """Return the references whose records say what the last builds of these inputs took."""
    if not plan.project.settings.build.reuse:
        return {}
    based = [one.action.image for one in images if one.action.image.base_names]
    keys = {image.name: own_key(image, plan.inputs[image.name]) for image in based}
    found = {name: own_reference(plan.project, name, key) for name, key in keys.items()}
    return {name: place for name, place in found.items() if place}


def _write_all(
    plan: Plan,
    images: Sequence[Pushed],
    seconds: Mapping[ImageName, float],
    others: Mapping[ImageName, Reference],
    tools: Tools,
) -> None:
    """Write the records of images, and put those of `others` also beside these references."""
    if not images:
        return
    revision = plan.revision or revision_of(plan.project.root, tools.environ)
    commit = revision.id if revision else ""

    def write(image: Pushed) -> str:
        spent = seconds.get(image.action.name, 0.0)
        other = others.get(image.action.name)
        return _write(plan, image, commit, spent, tools.registry, other)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failed = list(pool.map(write, images))
    names = [image.action.name for image, why in zip(images, failed, strict=True) if why]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        why = next(filter(None, failed))
        tools.report(Notice(f"`{names[0]}`{more}: no record for `why`: {why}"))


def read_records(
    registry: Registry, references: Collection[Reference]
) -> Mapping[Reference, Record | HttpError | None]:
    """Read the records of images, all at once: `None` for an image without one.

    An error stands for a record that could not be read.
    """
    return registry.each(lambda reference: _read(registry, reference), references)


def read_small_records(
    registry: Registry, references: Collection[Reference]
) -> Mapping[Reference, Record | HttpError | None]:
    """Read records with one request each: one that takes more counts as none."""
    return registry.each(lambda at: _read(registry, at, inside=True), references)


def read_with_bases(
    registry: Registry, project: Project, reference: Reference, now: Earlier
) -> tuple[Record, Recorded] | None:
    """Read the record of an image, and those of its bases that differ now, level by level.

    That is one request where no base has changed. `None` if the image has no record; a base without
    one is left out. Raises `HttpError`.
    """
    record = _read(registry, reference)
    if record is None:
        return None
    known = {record.name: record.facts}
    seen = {record.name}
    pending = _changed_bases(project, record, now)
    while pending:
        found = read_records(registry, pending.values())
        following: dict[ImageName, Reference] = {}
        for name, at in pending.items():
            base = found[at]
            if isinstance(base, HttpError):
                raise base
            if base and base.name == name:
                known[name] = base.facts
                following |= _changed_bases(project, base, now)
        seen |= pending.keys()
        pending = {name: at for name, at in following.items() if name not in seen}
    return record, Recorded(known)


def _changed_bases(project: Project, record: Record, now: Earlier) -> dict[ImageName, Reference]:
    """Return where the records of those bases are that have another key now.

    Only the tags are taken from a record, which may be anybody's: we ask only our own repositories.
    """
    found: dict[ImageName, Reference] = {}
    current = now.facts(record.name).bases if now.has(record.name) else {}
    for name, key in record.facts.bases.items():
        if name not in project.names or not now.has(name) or current.get(name) == key:
            continue
        try:
            tag = parse_reference(record.bases.get(name, "")).tag
        except ReferenceSyntaxError:
            continue
        found[name] = Reference(repository_of(project.settings.registry, name), tag)
    return found


def _write(
    plan: Plan,
    image: Pushed,
    commit: str,
    seconds: float,
    registry: Registry,
    other: Reference | None,
) -> str:
    """Write one record, also beside `other`; return why that failed, or nothing."""
    action = image.action
    reference = record_reference(action.reference)
    if reference is None:
        return ""
    known = {one.name: one.reference for one in plan.images}
    bases = {name: known[name] for name in action.image.base_names if name in known}
    try:
        spent = Spent(seconds, _layers(registry, image))
        inputs = plan.inputs[action.name]
        text = record_text(action.image, inputs, spent, revision=commit, bases=bases)
        manifest = put_artifact(registry, reference, KIND, compress(text), image.manifest)
        if other and (second := record_reference(other)):
            registry.put(second, manifest)
    except KeptTagError:
        return ""  # There is one already, of the same inputs.
    except Exception as raised:  # noqa: BLE001 - a record never costs the build
        return as_pipeline_error(raised).message
    return ""


def _layers(registry: Registry, image: Pushed) -> tuple[Layer, ...]:
    """Return config and layers of an image, of all its platforms, each once."""
    reference = image.action.reference
    found = contents_of(image.manifest, reference)
    parts = {part.digest: part.size for part in found.blobs}
    for child in found.children:
        at = reference.pinned(child.digest)
        blobs = contents_of(registry.manifest(at), at).blobs
        parts |= {part.digest: part.size for part in blobs}
    return tuple(starmap(Layer, parts.items()))


def _read(registry: Registry, reference: Reference, *, inside: bool = False) -> Record | None:
    at = record_reference(reference)
    content = read_artifact(registry, at, KIND, inside=inside) if at else None
    if content is None:
        return None
    try:
        with _READING:
            return read_record(decompress(content))
    except RecordError as error:
        raise HttpError(f"the record `{at}` cannot be read: {error}") from None
