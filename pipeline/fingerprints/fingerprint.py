"""Compute the fingerprints of a project: read each image's inputs, bases before dependents.

The files that are hashed come from `scan`, the key is made in `key`.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import graph
from ..errors import ConfigError, Location, Problem, raise_problems
from ..model.inputs import ContextInputs, EntryKind, Inputs
from ..process.gc_pause import gc_paused
from ..process.paths import below, is_folder
from .context import Context
from .context_warnings import context_warnings
from .disk import Disk
from .find_ignore_file import find_ignore_file, find_ignore_file_in
from .key import VERSION, fingerprint_of, key_of, options_of, output_options, record
from .scan import scan, scan_context

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from ..model.image import Image, NamedContext
    from ..model.inputs import ContextEntry, Key
    from ..model.project import Project
    from ..reference import ImageName
    from .find_ignore_file import IgnoreFile

_SET_ID = stat.S_ISUID | stat.S_ISGID


def fingerprint(
    project: Project, *, only: Collection[str] | None = None
) -> Mapping[ImageName, Inputs]:
    """Return the inputs and fingerprints of images, in build order.

    That is of `only` (default: all images) and of their bases. Files of other images are not read,
    so they need not exist yet. No file is hashed twice, even if it is in several contexts.
    Raises `ConfigError` with the problems of all images at once, and `WorkError` for a file that
    changes while it is read.
    """
    with gc_paused():
        return {inputs.name: inputs for inputs in each_fingerprint(project, only=only)}


def each_fingerprint(project: Project, *, only: Collection[str] | None = None) -> Iterator[Inputs]:
    """Yield what `fingerprint` returns, each as soon as it is known.

    After a problem no more are yielded, but all files are read before it is raised.
    """
    options = output_options(project.settings.build)
    disk = Disk(project.root)
    problems: list[Problem] = []
    keys: dict[ImageName, Key] = {}
    for image in needed(project, None if only is None else project.named(only)):
        scanned = _scan(disk, project, image, problems)
        if scanned is None or problems:
            continue
        named = {name: one.entries for name, one in scanned.contexts.items()}
        own = options_of(image, options)
        keys[image.name] = key_of(record(image, scanned.entries, keys, own, named))
        yield _inputs(image, scanned, keys, own)
    raise_problems(problems)


def needed(project: Project, only: Collection[ImageName] | None) -> tuple[Image, ...]:
    """Return the images in `only` (`None`: all) and their bases, in build order."""
    if only is None:
        return project.images
    below = graph.closure({image.name: image.base_names for image in project}, only)
    return tuple(image for image in project if image.name in below)


class _Scanned(Struct, frozen=True):
    """What an image reads: files of its context and of named contexts, ignore file, warnings."""

    entries: tuple[ContextEntry, ...]
    ignored: IgnoreFile
    contexts: Mapping[str, ContextInputs]
    warnings: tuple[Problem, ...]


def _scan(disk: Disk, project: Project, image: Image, problems: list[Problem]) -> _Scanned | None:
    """Read the files of an image; add what is wrong with them to `problems`."""
    if lost := [*_lost_folders(project, image)]:
        problems += lost
        return None
    try:
        ignored = find_ignore_file(disk, project.root, image)
        entries = scan(project.root, image, disk=disk, ignore=ignored.ignore)
        contexts = _named_contexts(disk, project.root, image)
        warnings = context_warnings(disk, project.root, image, entries, ignored, contexts.values())
    except ConfigError as error:
        problems += error.problems
        return None
    return _Scanned(entries, ignored, contexts, warnings)


def _named_contexts(disk: Disk, root: Path, image: Image) -> dict[str, ContextInputs]:
    """Return what an image reads of each named context. Raises as `scan` does.

    A named context is a folder of the project. BuildKit reads `.dockerignore` in the folder itself,
    and no other (`frontend/dockerui/namedcontext.go`).
    """
    return {
        name: _named_context(disk, root, image, named) for name, named in image.contexts.items()
    }


def _named_context(disk: Disk, root: Path, image: Image, named: NamedContext) -> ContextInputs:
    found = find_ignore_file_in(disk, root, named.path)
    context = Context(disk, below(root, named.path), found.ignore)
    entries = scan_context(context, named.reads, image.dockerfile)
    ignored = (found.path, found.source) if found.path else None
    return ContextInputs(named.path, entries, named.reads.whole, ignored, found.warnings)


def _lost_folders(project: Project, image: Image) -> Iterator[Problem]:
    """Yield a problem for each context that is not a folder, or does not exist (yet)."""
    hint = "name one, relative to this file, or run first the command that creates it"
    if not is_folder(below(project.root, image.context)):
        location = image.context_location or Location(str(image.folder))
        yield Problem(location, f"the context `{image.context}` is not a folder", hint)
    for name, named in image.contexts.items():
        if not is_folder(below(project.root, named.path)):
            yield Problem(
                named.location, f"the context `{name}`, `{named.path}`, is not a folder", hint
            )


def _inputs(
    image: Image,
    scanned: _Scanned,
    keys: Mapping[ImageName, Key],
    options: Mapping[str, str],
) -> Inputs:
    key = keys[image.name]
    entries, ignored, contexts = scanned.entries, scanned.ignored, scanned.contexts
    every = (*entries, *(entry for one in contexts.values() for entry in one.entries))
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
        floating=(*image.floating, *_unusual_bits(every)),
        warnings=(
            *image.warnings,
            *ignored.warnings,
            *(warning for one in contexts.values() for warning in one.warnings),
            *scanned.warnings,
        ),
        ignored=(ignored.path, ignored.source) if ignored.path else None,
        dockerfile=image.dockerfile,
        origins=image.origins,
        contexts=contexts,
        triggers={str(e.reference): e.triggers for e in image.externals if e.triggers},
        version=VERSION,
        source=image.source.source,
        frontend=image.frontend,
        options=options,
        salt=image.salt,
        written={base.written: base.name for base in image.bases},
        differing=image.differing,
        refresh=image.refresh,
    )


def _unusual_bits(entries: tuple[ContextEntry, ...]) -> tuple[str, ...]:
    """Return a sentence about permission bits that the image has and the fingerprint ignores."""
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
    """Return whether bits differ from those of a fresh clone: set-id, or not readable for all."""
    return bool(mode & _SET_ID) or not mode & stat.S_IROTH
