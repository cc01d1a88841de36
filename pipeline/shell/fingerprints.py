"""The fingerprints of a project: each image's inputs read, bases before what stands on them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pipeline.core.fingerprint import fingerprint_of, key_of, output_options, record
from pipeline.core.model import EntryKind, Inputs
from pipeline.errors import ConfigError, Problem, raise_problems
from pipeline.shell.disk import Disk
from pipeline.shell.memory import uncollected
from pipeline.shell.scan import scan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core.model import ContextEntry, Image, Key, Project
    from pipeline.core.reference import ImageName

_SET_ID = stat.S_ISUID | stat.S_ISGID


def fingerprint(project: Project) -> Mapping[ImageName, Inputs]:
    """The inputs of every image and their fingerprints, in build order.

    No file is hashed twice, in however many contexts it lies. Raises `ConfigError` with the
    problems of all images at once, and `WorkError` for a file that changes while it is read.
    """
    with uncollected():
        return _fingerprint(project)


def _fingerprint(project: Project) -> Mapping[ImageName, Inputs]:
    options = output_options(project.settings.build)
    scans = _scans(project)
    keys: dict[ImageName, Key] = {}
    for image in project:
        keys[image.name] = key_of(record(image, scans[image.name], keys, options))
    return {image.name: _inputs(image, scans[image.name], keys) for image in project}


def _scans(project: Project) -> dict[ImageName, tuple[ContextEntry, ...]]:
    disk = Disk(project.root)
    scans: dict[ImageName, tuple[ContextEntry, ...]] = {}
    problems: list[Problem] = []
    for image in project:
        try:
            scans[image.name] = scan(project.root, image, disk=disk)
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)
    return scans


def _inputs(
    image: Image, entries: tuple[ContextEntry, ...], keys: Mapping[ImageName, Key]
) -> Inputs:
    key = keys[image.name]
    return Inputs(
        name=image.name,
        key=key,
        fingerprint=fingerprint_of(key, image.test),
        entries=entries,
        args=dict(sorted(image.declared.items())),
        target=image.target,
        platforms=image.platforms,
        bases={name: keys[name] for name in image.base_names},
        externals={str(external.reference): external.locked for external in image.externals},
        test=image.test.command if image.test else (),
        whole_context=image.reads.whole,
        floating=(*image.floating, *_unusual_bits(entries)),
        warnings=image.warnings,
    )


def _unusual_bits(entries: tuple[ContextEntry, ...]) -> tuple[str, ...]:
    """A sentence if permission bits that the fingerprint leaves out would surprise in an image."""
    unusual = [e for e in entries if e.kind is EntryKind.FILE and _surprises(e.mode)]
    if not unusual:
        return ()
    first = unusual[0]
    more = f" and of {len(unusual) - 1} more" if len(unusual) > 1 else ""
    sentence = (
        f"the permission bits of `{first.path}` ({first.mode:04o}){more} go into the image, "
        "but of them only the owner's executable bit into the fingerprint"
    )
    return (sentence,)


def _surprises(mode: int) -> bool:
    """Set-id, or not readable for all: what a clone of the repository would not have."""
    return bool(mode & _SET_ID) or not mode & stat.S_IROTH
