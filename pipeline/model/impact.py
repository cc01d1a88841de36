"""Say which images and apps a change reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from .why import describe, own_differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..reference import ImageName, Reference
    from .project import Project
    from .why import Side

    Causes = Mapping[ImageName, tuple[str, ...]]


class Reached(Struct, frozen=True):
    """An image that a change reaches: what changes in it, or which of its bases, and its apps."""

    image: ImageName
    causes: tuple[str, ...]
    apps: tuple[str, ...] = ()


def reached(project: Project, causes: Causes) -> tuple[Reached, ...]:
    """Return the images with causes and all that depend on them, in build order.

    Each one would get another tag.
    """
    found: dict[ImageName, Reached] = {}
    for image in project:
        bases = (f"base {base} changes" for base in image.base_names if base in found)
        why = (*causes.get(image.name, ()), *bases)
        if why:
            found[image.name] = _reached(project, image.name, why)
    return tuple(found.values())


def reached_since(before: Side, after: Side) -> tuple[Reached, ...]:
    """Return the images with another tag than in an earlier state of the project, in build order.

    A dependent of an image with only another test is not among them: its own tag is the same.
    """
    found = {name: _since(before, after, name) for name in after.inputs}
    return tuple(_reached(after.project, name, why) for name, why in found.items() if why)


def _since(before: Side, after: Side, name: ImageName) -> tuple[str, ...]:
    if not before.has(name):
        return ("a new image",)
    if before.inputs[name].fingerprint == after.inputs[name].fingerprint:
        return ()
    own = (describe(one) for one in own_differences(before, after, name))
    was, now = before.inputs[name].bases, after.inputs[name].bases
    changed = (base for base in dict.fromkeys((*now, *was)) if was.get(base) != now.get(base))
    return (*own, *(f"base {base} {_verb(base in was, base in now)}" for base in changed))


def _verb(was: bool, now: bool) -> str:  # noqa: FBT001 - two facts of the same kind
    return "changes" if was and now else "added" if now else "removed"


def _reached(project: Project, name: ImageName, causes: tuple[str, ...]) -> Reached:
    spec = project.image(name).deploy
    return Reached(name, causes, spec.apps if spec else ())


def causes_of_files(now: Side, files: Collection[str]) -> dict[ImageName, tuple[str, ...]]:
    """Return which of the files each image reads; paths are relative to the project's root."""
    found = {name: tuple(_read(now, name, files)) for name in now.inputs}
    return {name: read for name, read in found.items() if read}


def causes_of_externals(
    project: Project, references: Collection[Reference]
) -> dict[ImageName, tuple[str, ...]]:
    """Return which of the externals each image names."""
    found = {
        image.name: tuple(
            f"external {e.reference}" for e in image.externals if e.reference in references
        )
        for image in project
    }
    return {name: named for name, named in found.items() if named}


def _read(now: Side, name: ImageName, files: Collection[str]) -> Iterator[str]:
    image, inputs = now.project.image(name), now.inputs[name]
    paths = {str(image.dockerfile)}
    groups = [(image.context, inputs.entries, inputs.ignored)]
    groups += [(one.path, one.entries, one.ignored) for one in inputs.contexts.values()]
    for folder, entries, ignored in groups:
        # A link in a source leads to what lies elsewhere: a change there changes the image, too.
        for entry in entries:
            paths |= {str(folder / path) for path in (entry.path, entry.real) if path}
        paths |= {str(ignored[0])} if ignored else set()
    yield from (file for file in files if file in paths)
