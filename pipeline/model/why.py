"""Say what differs between the inputs of an image now and in an earlier state of the project."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from .inputs import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..reference import ImageName, Reference
    from .image import Image
    from .inputs import ContextEntry, Inputs
    from .project import Project
    from .refresh import Refresh

SHOWN = 12
"""Hex digits of a sha256 that are shown."""


class Change(StrEnum):
    """How an input differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class Difference(Struct, frozen=True):
    """An input that differs: its kind (`file`, `base`, …), its name, and what it was and is.

    `before` and `after` are for people: the beginning of a sha256, a value, a path. `because` are
    the first causes of a base that changed: what differs in the bases that it depends on, and in no
    base of theirs.
    """

    kind: str
    name: str
    change: Change
    before: str = ""
    after: str = ""
    because: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What is known about an image; exactly one of them applies."""

    EXISTS = "exists"
    DIFFERS = "differs"
    LOST = "lost"
    NEVER_BUILT = "never-built"
    INCOMPLETE = "incomplete"


class Explanation(Struct, frozen=True):
    """Why an image would be built, or what differs from the image that it is compared with.

    `reference` is what the inputs of now give; `against` the image that it is compared with, of the
    commit `commit`, if one was found. `inputs` counts all inputs of now. `notes` say what could not
    be compared.
    """

    image: ImageName
    verdict: Verdict
    reference: Reference
    against: Reference | None = None
    commit: str = ""
    differences: tuple[Difference, ...] = ()
    inputs: int = 0
    notes: tuple[str, ...] = ()


class Side(Struct, frozen=True):
    """A state of the project's files: the loaded project, and the inputs of its images."""

    project: Project
    inputs: Mapping[ImageName, Inputs]

    def has(self, name: ImageName) -> bool:
        """Return whether the project has this image, with inputs."""
        return name in self.inputs


def differences(before: Side, after: Side, name: ImageName) -> tuple[Difference, ...]:
    """Return what differs between the inputs of an image that both sides have, in a fixed order."""
    own = own_differences(before, after, name)
    return (*own, *_bases(before, after, name))


def own_differences(before: Side, after: Side, name: ImageName) -> tuple[Difference, ...]:
    """Return the same without the bases."""
    old, new = before.project.image(name), after.project.image(name)
    was, now = before.inputs[name], after.inputs[name]
    was_frontend, now_frontend = old.frontend, new.frontend
    singles = (
        ("dockerfile", str(now.dockerfile), _digest(old.source.source), _digest(new.source.source)),
        ("target", "", was.target or "the last stage", now.target or "the last stage"),
        ("platforms", "", _words(was.platforms), _words(now.platforms)),
        ("frontend", "", was_frontend, now_frontend),
        ("salt", "", _shown(old.salt), _shown(new.salt)),
        ("test", "", _words(was.test), _words(now.test)),
        ("refresh period", "", *_periods(was.refresh, now.refresh)),
    )
    found = [Difference(k, n, Change.CHANGED, a, b) for k, n, a, b in singles if a != b]
    found += _files(_entries(old, was), _entries(new, now))
    found += _mapped("argument", _arguments(old), _arguments(new))
    found += _mapped("external", _externals(was), _externals(now))
    found += _mapped("triggers", _triggers(was), _triggers(now))
    found += _mapped("option", _options(before.project), _options(after.project))
    return tuple(found)


def count(side: Side, name: ImageName) -> int:
    """Return how many inputs an image has: files, arguments, bases, externals and its Dockerfile.

    Each is counted once, whichever parts of it may differ.
    """
    inputs = side.inputs[name]
    files = len(inputs.entries) + sum(len(one.entries) for one in inputs.contexts.values())
    return 1 + files + len(inputs.args) + len(inputs.bases) + len(inputs.externals)


def _bases(before: Side, after: Side, name: ImageName) -> Iterator[Difference]:
    was, now = before.inputs[name].bases, after.inputs[name].bases
    for base in dict.fromkeys((*now, *was)):
        if base not in now or base not in was:
            change = Change.ADDED if base in now else Change.REMOVED
            yield Difference("base", base, change)
        elif was[base] != now[base]:
            causes = tuple(first_causes(before, after, base))
            yield Difference(
                "base", base, Change.CHANGED, was[base].hex[:SHOWN], now[base].hex[:SHOWN], causes
            )


def first_causes(before: Side, after: Side, name: ImageName) -> Iterator[str]:
    """Yield what differs in an image itself, or else in the bases that changed, each once."""
    seen: set[ImageName] = set()
    stack = [name]
    while stack:
        image = stack.pop()
        if image in seen:
            continue
        seen.add(image)
        own = own_differences(before, after, image)
        if own:
            more = f" and {len(own) - 1} more" if len(own) > 1 else ""
            yield f"{image}: {describe(own[0])}{more}"
        found = [*_bases_that_changed(before, after, image)]
        stack += [base for base, both in found if both]
        yield from (f"{image}: another base, {base}" for base, both in found if not both)


def _bases_that_changed(
    before: Side, after: Side, name: ImageName
) -> Iterator[tuple[ImageName, bool]]:
    """Yield the bases whose keys differ, and whether both sides have them."""
    was, now = before.inputs[name].bases, after.inputs[name].bases
    for base in dict.fromkeys((*now, *was)):
        if was.get(base) != now.get(base):
            yield base, base in was and base in now


def describe(one: Difference) -> str:
    """Return a difference in one sentence.

    >>> describe(Difference("file", "images/web/app.py", Change.CHANGED, "5ad1c2", "90c3e1"))
    'images/web/app.py changed, 5ad1c2 → 90c3e1'
    >>> describe(Difference("target", "", Change.CHANGED, "dev", "prod"))
    'target changed, dev → prod'
    """
    shown = one.name if one.kind in {"file", "dockerfile"} else f"{one.kind} {one.name}".strip()
    if one.change is Change.MOVED:
        return f"{shown} moved from {one.before}"
    values = f", {one.before or 'nothing'} → {one.after or 'nothing'}"
    return f"{shown} {one.change}" + (values if one.change is Change.CHANGED else "")


def _files(
    was: Mapping[str, ContextEntry], now: Mapping[str, ContextEntry]
) -> Iterator[Difference]:
    """Yield the files that differ; a file that is gone, and is there under another path, moved."""
    gone = {path: entry for path, entry in was.items() if path not in now}
    homeless = {_content(entry): path for path, entry in gone.items() if entry.sha256}
    moved: set[str] = set()
    for path, entry in now.items():
        if path not in was:
            origin = homeless.pop(_content(entry), None) if entry.sha256 else None
            if origin:
                moved.add(origin)
                yield Difference("file", path, Change.MOVED, origin, path)
            else:
                yield Difference("file", path, Change.ADDED, "", _state(entry))
        elif was[path] != entry:
            yield Difference("file", path, Change.CHANGED, *_states(was[path], entry))
    for path, entry in gone.items():
        if path not in moved:
            yield Difference("file", path, Change.REMOVED, _state(entry), "")


def _entries(image: Image, inputs: Inputs) -> dict[str, ContextEntry]:
    """Return the files by their paths from the project's root."""
    groups = [(image.context, inputs.entries)]
    groups += [(one.path, one.entries) for one in inputs.contexts.values()]
    found = {folder / e.path.rstrip("/"): e for folder, entries in groups for e in entries}
    # `COPY . .` reads the Dockerfile, too, which is an input of its own.
    return {str(path): entry for path, entry in found.items() if path != image.dockerfile}


def _content(entry: ContextEntry) -> tuple[str, bool]:
    return entry.sha256, entry.executable


def _states(was: ContextEntry, now: ContextEntry) -> tuple[str, str]:
    """Return what differs of a path: its kind, its bytes, its executable bit or its target."""
    if was.kind is now.kind is EntryKind.FILE and was.sha256 == now.sha256:
        words = {True: "executable", False: "not executable"}
        return words[was.executable], words[now.executable]
    return _state(was), _state(now)


def _state(entry: ContextEntry) -> str:
    match entry.kind:
        case EntryKind.FILE:
            return entry.sha256[:SHOWN]
        case EntryKind.LINK:
            return f"-> {entry.link}"
        case EntryKind.DIRECTORY:
            return "directory"


def _mapped(kind: str, was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*now, *was)):
        before, after = was.get(name, ""), now.get(name, "")
        if name not in was:
            yield Difference(kind, name, Change.ADDED, before, after)
        elif name not in now:
            yield Difference(kind, name, Change.REMOVED, before, after)
        elif before != after:
            yield Difference(kind, name, Change.CHANGED, before, after)


def _arguments(image: Image) -> dict[str, str]:
    """Return the arguments that the Dockerfile declares.

    A default of the Dockerfile is shown; a value of the settings, the environment or the command
    line may be a secret, and is shown as the beginning of its sha256.
    """
    return {
        name: _shown(value or "")
        if name in image.args
        else ("no value" if value is None else value)
        for name, value in image.declared.items()
    }


def _externals(inputs: Inputs) -> dict[str, str]:
    return {
        reference: digest.removeprefix("sha256:")[:SHOWN] if digest else "not locked"
        for reference, digest in inputs.externals.items()
    }


def _triggers(inputs: Inputs) -> dict[str, str]:
    return {
        reference: _digest("\0".join(t for one in found for t in one.instructions).encode())
        for reference, found in inputs.triggers.items()
    }


def _options(project: Project) -> dict[str, str]:
    build = project.settings.build
    found = {"sbom": "true" if build.sbom else "", "provenance": build.provenance}
    return {name: value for name, value in found.items() if value}


def _periods(was: Refresh | None, now: Refresh | None) -> tuple[str, str]:
    """Return the periods of two images, with their length if that differs."""
    if was and now and was.seconds == now.seconds:
        return f"{was.period:,}", f"{now.period:,}"
    before, after = (f"{one.period:,} of {one.every}" if one else "" for one in (was, now))
    return before, after


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:SHOWN]


def _shown(value: str) -> str:
    """Return the beginning of a value's sha256; nothing for no value."""
    return f"sha256 {_digest(value.encode())}" if value else ""


def _words(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
