"""Find out why images would be built: compare their inputs with those of an earlier commit."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import ConfigError, UnknownError, usage_error
from ..fingerprints.fingerprint import fingerprint
from ..model.presence import Absent, Present
from ..model.project import reference_of
from ..model.why import Change, Explanation, Side, Verdict, count, differences
from ..process.git_tree import (
    COMMITS,
    Checkout,
    Repository,
    commit_of,
    history,
    open_repository,
    untracked,
)
from .earlier import Loader
from .open_registry import open_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..model.presence import Presence
    from ..model.project import Project
    from ..model.why import Difference
    from ..reference import ImageName, Reference
    from ..registry.client import Registry

    Choose = Callable[[Mapping[ImageName, Reference]], Mapping[ImageName, Reference]]

_TAG = re.compile(r"[0-9a-f]{20}")


class Compared(Struct, frozen=True):
    """An earlier state of an image: the project of a commit, the reference, what is lacking."""

    side: Side
    reference: Reference
    commit: str
    notes: tuple[str, ...]


class _Search(Struct):
    """What is looked for, and what has been found: an explanation for each image."""

    now: Side
    registry: Registry
    presence: Mapping[ImageName, Presence]
    left: dict[ImageName, None]
    found: dict[ImageName, Explanation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def reference(self, name: ImageName) -> Reference:
        """Return the reference that the inputs of now give an image."""
        return reference_of(self.now.project, name, self.now.inputs[name].fingerprint)


def why(
    project: Project,
    names: Collection[ImageName],
    *,
    against: str = "",
    args: Mapping[str, str],
    environ: Mapping[str, str] | None = None,
) -> tuple[Explanation, ...]:
    """Explain images: `names`, or without names those that the registry lacks, in build order.

    They are compared with a Git revision or a reference of theirs, if `against` is one; else with
    the newest image that the registry has of the last 20 commits. `args` are build arguments of the
    command line, which the earlier commits get, too.

    Raises `ConfigError` for an `against` that is neither a revision nor a fingerprint tag of these
    commits, and `UnknownError` if the registry does not answer or Git cannot.
    """
    environ = os.environ if environ is None else environ
    now = Side(project, fingerprint(project, only=names or None))
    with ExitStack() as stack:
        registry = stack.enter_context(open_registry(project.settings, environ))
        wanted = [n for n in project.names if n in (names or now.inputs)]
        presence = _presence(now, registry, [n for n in wanted if not project.image(n).public])
        chosen = [n for n in presence if names or isinstance(presence[n], Absent)]
        compared = [n for n in chosen if against or isinstance(presence[n], Absent)]
        search = _Search(now, registry, presence, dict.fromkeys(compared))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="why-")))
        if compared:
            repository = open_repository(project.root, os.environ)
            loader = Loader(Checkout(repository, folder), project, args, environ)
            _search(search, loader, against)
    return tuple(search.found.get(name) or _unexplained(search, name) for name in chosen)


def _search(search: _Search, loader: Loader, against: str) -> None:
    """Find the image that each image is compared with, from the newest commit to older ones."""
    files, repository = loader.files, loader.files.repository
    if against and (commit := commit_of(repository, against)):
        _compare(search, loader.load(commit, search.left), files, commit, dict)
        return
    found = history(repository)
    choose = _with_tag(against) if against else partial(_present, search.registry)
    for commit in found.commits:
        if not search.left:
            return
        with suppress(ConfigError):  # its files have a mistake, so it never built anything
            _compare(search, loader.load(commit, search.left), files, commit, choose)
    if against and search.left:
        raise usage_error(
            f"none of the last {len(found.commits)} commits gives `{against}`",
            hint="name a Git revision: `--against HEAD~1`",
        )
    search.notes += [found.note] if found.note else []


def _with_tag(against: str) -> Choose:
    """Return a function that chooses the images with the fingerprint tag of a reference."""
    tags = _TAG.findall(against)
    if not tags:
        raise usage_error(
            f"`{against}` is neither a Git revision nor an image with a fingerprint tag",
            hint="such as `--against HEAD~1`, or a reference that `plan` shows",
        )
    return lambda wanted: {n: r for n, r in wanted.items() if tags[-1] in str(r.tag)}


def _present(
    registry: Registry, wanted: Mapping[ImageName, Reference]
) -> Mapping[ImageName, Reference]:
    """Choose the images that the registry has."""
    found = _asked(registry, wanted)
    return {n: r for n, r in wanted.items() if isinstance(found[n], Present)}


def _compare(search: _Search, before: Side, files: Checkout, commit: str, choose: Choose) -> None:
    """Explain those of the images that `choose` takes of their counterparts in a commit."""
    names = [name for name in search.left if name in before.inputs]
    wanted = {n: reference_of(before.project, n, before.inputs[n].fingerprint) for n in names}
    for name, reference in choose(wanted).items():
        del search.left[name]
        against = Compared(before, reference, commit, files.notes)
        search.found[name] = _explain(search, name, against, files.repository)


def _explain(
    search: _Search, name: ImageName, against: Compared, repository: Repository
) -> Explanation:
    found = differences(against.side, search.now, name)
    exists = isinstance(search.presence[name], Present)
    same = search.now.inputs[name].fingerprint == against.side.inputs[name].fingerprint
    verdict = Verdict.EXISTS if exists else Verdict.LOST if same else Verdict.DIFFERS
    unnamed = () if found or same else ("the fingerprints differ in what is not listed here",)
    return Explanation(
        name,
        verdict,
        search.reference(name),
        against.reference,
        against.commit,
        found,
        count(search.now, name),
        (*against.notes, *_not_in_git(search, repository, found), *unnamed),
    )


def _not_in_git(
    search: _Search, repository: Repository, found: Sequence[Difference]
) -> Iterator[str]:
    """Yield a note on files that look new because no commit has them."""
    added = [one.name for one in found if one.kind == "file" and one.change is Change.ADDED]
    root = search.now.project.root
    if names := untracked(repository, root, added) if added else ():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"`{names[0]}`{more}: not in Git, so nothing is known of an earlier state"


def _unexplained(search: _Search, name: ImageName) -> Explanation:
    """Describe an image that no earlier image was found for."""
    exists = isinstance(search.presence[name], Present)
    verdict = Verdict.EXISTS if exists else Verdict.NEVER_BUILT
    searched = () if exists else (f"the registry has none of the last {COMMITS} commits",)
    notes = (*searched, *search.notes)
    inputs = count(search.now, name)
    return Explanation(name, verdict, search.reference(name), inputs=inputs, notes=notes)


def _presence(
    now: Side, registry: Registry, names: Sequence[ImageName]
) -> dict[ImageName, Presence]:
    wanted = {n: reference_of(now.project, n, now.inputs[n].fingerprint) for n in names}
    registry.pushes_to(reference.repository for reference in wanted.values())
    return _asked(registry, wanted)


def _asked(registry: Registry, wanted: Mapping[ImageName, Reference]) -> dict[ImageName, Presence]:
    """Ask for images; what the registry does not answer for is neither there nor absent.

    Raises `UnknownError`.
    """
    answers = registry.head_all(list(wanted.values()))
    found: dict[ImageName, Presence] = {}
    for name, reference in wanted.items():
        answer = answers[reference]
        if isinstance(answer, UnknownError):
            raise answer
        found[name] = answer
    return found
