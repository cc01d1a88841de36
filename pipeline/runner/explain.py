"""What `why` says of an image: its verdict, what differs, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..model.presence import Incomplete, Present
from ..model.project import reference_of
from ..model.why import Change, Earlier, Explanation, Side, Verdict, count, differences
from ..process.git_tree import COMMITS, untracked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..model.presence import Presence
    from ..model.why import Difference
    from ..process.git_tree import Repository
    from ..reference import ImageName, Reference
    from ..registry.client import Registry


class Compared(Struct, frozen=True):
    """An earlier state of an image: its reference and commit, who runs it, and what is lacking."""

    side: Earlier
    reference: Reference
    commit: str
    notes: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    recorded: bool = False


class Search(Struct):
    """What is looked for, and what has been found: an explanation for each image.

    `left` are the images that nothing is found for yet, `notes` what is said of all of them, and
    `own_notes` what of one.
    """

    now: Side
    registry: Registry
    presence: Mapping[ImageName, Presence | Incomplete]
    left: dict[ImageName, None]
    found: dict[ImageName, Explanation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    own_notes: dict[ImageName, tuple[str, ...]] = field(default_factory=dict)

    def reference(self, name: ImageName) -> Reference:
        """Return the reference that the inputs of now give an image."""
        return reference_of(self.now.project, name, self.now.inputs[name].fingerprint)

    def exists(self, name: ImageName) -> bool:
        """Return whether the registry has an image, as far as was looked."""
        return isinstance(self.presence[name], Present)

    def explain(self, name: ImageName, against: Compared) -> None:
        """Explain an image by an earlier one."""
        self.left.pop(name, None)
        self.found[name] = explain_by(self, name, against)


def explain_by(search: Search, name: ImageName, against: Compared) -> Explanation:
    """Explain an image by an earlier state of it."""
    found = differences(against.side, search.now, name)
    before = against.side.facts(name)
    same = search.now.facts(name).fingerprint == before.fingerprint
    verdict = _verdict(search, name, Verdict.LOST if same else Verdict.DIFFERS)
    unnamed = () if found or same else ("the fingerprints differ in what is not listed here",)
    unknown = (
        f"no record says why the base `{one.name}` has changed"
        for one in found
        if against.recorded
        and one.kind == "base"
        and one.change is Change.CHANGED
        and not one.because
    )
    return Explanation(
        name,
        verdict,
        search.reference(name),
        against.reference,
        against.commit,
        found,
        count(search.now, name),
        (*against.notes, *_hollow(search, name), *unknown, *unnamed),
        against.apps,
        against.recorded,
    )


def _verdict(search: Search, name: ImageName, otherwise: Verdict) -> Verdict:
    if search.exists(name):
        return Verdict.EXISTS
    return Verdict.HOLLOW if isinstance(search.presence[name], Incomplete) else otherwise


def _hollow(search: Search, name: ImageName) -> tuple[str, ...]:
    """Return what an image lacks that exists and is not complete."""
    found = search.presence[name]
    return (found.reason,) if isinstance(found, Incomplete) else ()


def not_in_git(
    search: Search, repository: Repository, found: Sequence[Difference]
) -> Iterator[str]:
    """Yield a note on files that look new because no commit has them."""
    added = [one.name for one in found if one.kind == "file" and one.change is Change.ADDED]
    root = search.now.project.root
    if names := untracked(repository, root, added) if added else ():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"`{names[0]}`{more}: not in Git, so nothing is known of an earlier state"


def unexplained(search: Search, name: ImageName) -> Explanation:
    """Describe an image that no earlier image was found for."""
    verdict = _verdict(search, name, Verdict.NEVER_BUILT)
    searched = (f"the registry has none of the last {COMMITS} commits", *search.notes)
    own = (*search.own_notes.get(name, ()), *_hollow(search, name))
    notes = (*own, *(searched if verdict is Verdict.NEVER_BUILT else ()))
    inputs = count(search.now, name)
    return Explanation(name, verdict, search.reference(name), inputs=inputs, notes=notes)
