"""Say what differs between the inputs of an image now and in an earlier state of the project."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from .facts import NONE, SHOWN, Facts, Value, facts_of
from .inputs import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..reference import ImageName, Reference
    from .inputs import ContextEntry, Inputs
    from .project import Project


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
    HOLLOW = "hollow"


class Explanation(Struct, frozen=True):
    """Why an image would be built, or what differs from the image that it is compared with.

    `reference` is what the inputs of now give; `against` the image that it is compared with, of the
    commit `commit`, if one was found, and `apps` are those that run it. `inputs` counts all inputs
    of now. With `recorded`, the inputs of then are those of a record, else those of the files in
    Git. `notes` say what could not be compared.
    """

    image: ImageName
    verdict: Verdict
    reference: Reference
    against: Reference | None = None
    commit: str = ""
    differences: tuple[Difference, ...] = ()
    inputs: int = 0
    notes: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    recorded: bool = False


class Earlier(Protocol):
    """What is known of an earlier state of the images: from files, or from records."""

    def has(self, name: ImageName) -> bool:
        """Return whether the inputs of an image are known."""

    def facts(self, name: ImageName) -> Facts:
        """Return what is compared of them."""


class Side(Struct, frozen=True):
    """A state of the project's files: the loaded project, and the inputs of its images."""

    project: Project
    inputs: Mapping[ImageName, Inputs]

    def has(self, name: ImageName) -> bool:
        """Return whether the project has this image, with inputs."""
        return name in self.inputs

    def facts(self, name: ImageName) -> Facts:
        """Return what is compared of the inputs of an image."""
        return facts_of(self.project.image(name), self.inputs[name])


class Recorded(Struct, frozen=True):
    """An earlier state of some images: what their records say."""

    known: Mapping[ImageName, Facts]

    def has(self, name: ImageName) -> bool:
        """Return whether there is a record of this image."""
        return name in self.known

    def facts(self, name: ImageName) -> Facts:
        """Return what is compared of the inputs of an image."""
        return self.known[name]


def differences(before: Earlier, after: Earlier, name: ImageName) -> tuple[Difference, ...]:
    """Return what differs between the inputs of an image that both sides have, in a fixed order."""
    own = own_differences(before, after, name)
    return (*own, *_bases(before, after, name))


def own_differences(before: Earlier, after: Earlier, name: ImageName) -> tuple[Difference, ...]:
    """Return the same without the bases."""
    was, now = before.facts(name), after.facts(name)
    singles = (
        ("dockerfile", now.dockerfile, was.source, now.source),
        ("target", "", _text(was.target, "the last stage"), _text(now.target, "the last stage")),
        ("platforms", "", _text(" ".join(was.platforms)), _text(" ".join(now.platforms))),
        ("frontend", "", _text(was.frontend), _text(now.frontend)),
        ("salt", "", was.salt, now.salt),
        ("test", "", was.test, now.test),
        ("refresh period", "", *_periods(was.refresh, now.refresh)),
        ("key version", "", _text(was.version), _text(now.version)),
    )
    found = [
        Difference(k, n, Change.CHANGED, _shown(a), _shown(b)) for k, n, a, b in singles if a != b
    ]
    found += _files(was.files, now.files)
    found += _mapped("argument", was.arguments, now.arguments)
    found += _mapped("external", _digests(was.externals), _digests(now.externals))
    found += _mapped("triggers", was.triggers, now.triggers)
    found += _mapped("option", _texts(was.options), _texts(now.options))
    return tuple(found)


def count(side: Side, name: ImageName) -> int:
    """Return how many inputs an image has: files, arguments, bases, externals and its Dockerfile.

    Each is counted once, whichever parts of it may differ.
    """
    inputs = side.inputs[name]
    files = len(inputs.entries) + sum(len(one.entries) for one in inputs.contexts.values())
    return 1 + files + len(inputs.args) + len(inputs.bases) + len(inputs.externals)


def _bases(before: Earlier, after: Earlier, name: ImageName) -> Iterator[Difference]:
    was, now = before.facts(name).bases, after.facts(name).bases
    for base in dict.fromkeys((*now, *was)):
        if base not in now or base not in was:
            change = Change.ADDED if base in now else Change.REMOVED
            yield Difference("base", base, change)
        elif was[base] != now[base]:
            causes = tuple(first_causes(before, after, base))
            yield Difference(
                "base", base, Change.CHANGED, was[base][:SHOWN], now[base][:SHOWN], causes
            )


def first_causes(before: Earlier, after: Earlier, name: ImageName) -> Iterator[str]:
    """Yield what differs in an image itself, or else in the bases that changed, each once.

    Nothing is known of a base that one of the sides does not have.
    """
    seen: set[ImageName] = set()
    stack = [name]
    while stack:
        image = stack.pop()
        if image in seen or not before.has(image) or not after.has(image):
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
    before: Earlier, after: Earlier, name: ImageName
) -> Iterator[tuple[ImageName, bool]]:
    """Yield the bases whose keys differ, and whether both sides have them."""
    was, now = before.facts(name).bases, after.facts(name).bases
    for base in dict.fromkeys((*now, *was)):
        if was.get(base) != now.get(base):
            yield base, base in was and base in now


def first_cause(before: Earlier, after: Earlier, name: ImageName) -> str:
    """Return the first thing that differs, for the reason of a plan; empty if it is not known."""
    own = own_differences(before, after, name)
    if own:
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        return f"{_in_short(own[0])}{more}"
    for base, both in _bases_that_changed(before, after, name):
        if not both:
            return f"another base, {base}"
        cause = next(first_causes(before, after, base), "")
        return f"base {base} changed" + (f" ({cause})" if cause else "")
    return ""


def _in_short(one: Difference) -> str:
    """Describe a difference without the hashes of files."""
    is_file = one.kind in {"file", "dockerfile"} and one.change is Change.CHANGED
    return f"{one.name} changed" if is_file else describe(one)


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


def _mapped(kind: str, was: Mapping[str, Value], now: Mapping[str, Value]) -> Iterator[Difference]:
    for name in dict.fromkeys((*now, *was)):
        before, after = was.get(name, NONE), now.get(name, NONE)
        if name not in was:
            yield Difference(kind, name, Change.ADDED, "", str(after))
        elif name not in now:
            yield Difference(kind, name, Change.REMOVED, str(before), "")
        elif before != after:
            yield Difference(kind, name, Change.CHANGED, str(before), str(after))


def _digests(externals: Mapping[str, str]) -> dict[str, Value]:
    return {
        reference: Value(digest, digest.removeprefix("sha256:")[:SHOWN] or "not locked")
        for reference, digest in externals.items()
    }


def _texts(values: Mapping[str, str]) -> dict[str, Value]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: str, otherwise: str = "") -> Value:
    """Return a value that is no secret, which is compared as it is shown."""
    return Value(value or otherwise, value or otherwise)


def _periods(was: Value, now: Value) -> tuple[Value, Value]:
    """Return two periods of `refresh`; their length is shown if it differs."""
    (length, _, before), (other, _, after) = was.digest.partition("/"), now.digest.partition("/")
    if not length or length != other:
        return was, now
    return Value(was.digest, f"{int(before):,}"), Value(now.digest, f"{int(after):,}")


def _shown(value: Value) -> str:
    return str(value) if value != NONE else ""
