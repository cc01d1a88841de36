"""Build the versions of random projects, and compare images whose fingerprints are the same."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import fingerprint, load
from pipeline.errors import ConfigError
from tests.proof.buildkit import (
    APP,
    COPY,
    PLAIN,
    Requirement,
    build_each,
    copied_files,
    folders_of,
)
from tests.proof.tree import write
from tests.random_builds.case import case_of
from tests.random_builds.contents import contents, differences, only_mode_bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from pipeline.model.project import Project
    from tests.proof.buildkit import Built
    from tests.random_builds.case import Changed
    from tests.random_builds.trees import Variety

FIRST, SAME, REBUILT, NEEDLESS = "first", "same", "rebuilt", "needless"
REFUSED, FAILS, MODE_BITS = "refused by us", "refused by BuildKit", "mode bits"
UNTRIED = "not tried"
"""The project as it was before the change is refused."""

NO_IMAGE = "fails, same tag"
"""Of two projects with the same fingerprint, BuildKit builds one and fails for the other.

No image is taken for another, but the second one could not be built anew. Known: links whose
targets BuildKit does not transfer, as in `COPY */link /` (docs/fingerprint.md, Exceptions).
"""

SKIP, COPY_DIFFERS = "FALSE SKIP", "THE COPY DIFFERS"
WRONG = frozenset({SKIP, COPY_DIFFERS})

AT_ONCE = 10
"""How many cases are built in one solve."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one version of a case; `detail` says what differs."""

    seed: int
    number: int
    changed: Changed
    word: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Version:
    """A version on the disk; `project` is None, or `key` empty, if the pipeline refuses it."""

    seed: int
    number: int
    changed: Changed
    project: Project | None
    key: str
    refusal: str

    @property
    def name(self) -> str:
        """Return the name of its targets."""
        return f"s{self.seed}v{self.number}"


def judge(seeds: Iterable[int], variety: Variety, folder: Path) -> Iterator[Verdict]:
    """Build all versions of the cases, many at once, and compare them."""
    waiting = list(seeds)
    for start in range(0, len(waiting), AT_ONCE):
        place = folder / f"{start}"
        place.mkdir()
        yield from _judged(waiting[start : start + AT_ONCE], variety, place)
        shutil.rmtree(place)


def _judged(seeds: Sequence[int], variety: Variety, folder: Path) -> Iterator[Verdict]:
    cases = [list(_laid(seed, variety, folder)) for seed in seeds]
    # What fails cancels the rest of its solve, and then its changes fail in most cases, too.
    built = build_each(_required([case[0] for case in cases], folder), folder)
    good = [case for case in cases if case[0].name in built and not built[case[0].name].error]
    built |= build_each(_required([one for case in good for one in case[1:]], folder), folder)
    copies = build_each(_copies([case[0] for case in good], folder), folder)
    for case in cases:
        yield from _compared(case, built, copies, folder)


def _required(versions: Sequence[_Version], folder: Path) -> dict[str, Requirement]:
    """Return what is to be built of the versions, each from its own files."""
    found = {}
    for one in versions:
        if one.project and one.key:
            root = one.project.root
            own = {path: str(root / path) for path in folders_of(one.project)}
            places = _renamed(own, one.name, folder)
            found[one.name] = Requirement(one.project, (PLAIN,), places)
    return found


def _copies(versions: Sequence[_Version], folder: Path) -> dict[str, Requirement]:
    """Return the same, each from a copy of the files that count."""
    found = {}
    for one in versions:
        if one.project and one.key:
            copy = copied_files(one.project, folder / f"{one.name}-files")
            places = _renamed(copy, f"{one.name}-copy", folder)
            found[one.name] = Requirement(one.project, (PLAIN,), places)
    return found


def _renamed(
    places: Mapping[PurePosixPath, str], name: str, folder: Path
) -> dict[PurePosixPath, str]:
    """Return links to folders, each with a name of its own.

    BuildKit transfers a folder onto an earlier one of the same name, and that takes it three times
    as long.
    """
    found = {}
    for number, (path, place) in enumerate(places.items()):
        link = folder / f"{name}-{number}"
        link.symlink_to(place)
        found[path] = str(link)
    return found


def _laid(seed: int, variety: Variety, folder: Path) -> Iterator[_Version]:
    for number, changed in enumerate(case_of(seed, variety).versions):
        root = write(changed.tree, folder / f"s{seed}v{number}")
        project, key, refusal = None, "", ""
        try:
            project = load(root, environ={})
            key = fingerprint(project)[APP].fingerprint.hex
        except ConfigError as error:
            refusal = error.problems[0].message
        yield _Version(seed, number, changed, project, key, refusal)


def _compared(
    case: list[_Version], built: Mapping[str, Built], copies: Mapping[str, Built], folder: Path
) -> Iterator[Verdict]:
    known: dict[str, _Version] = {}
    first: _Version | None = None
    for one in case:

        def verdict(word: str, detail: str = "", one: _Version = one) -> Verdict:
            return Verdict(one.seed, one.number, one.changed, word, detail)

        if not one.key:
            yield verdict(REFUSED, one.refusal)
            continue
        if one.name not in built:
            yield verdict(UNTRIED)
            continue
        result = built[one.name]
        before = known.setdefault(one.key, one)
        if before is not one:
            yield verdict(*_same_key(before, one, built, folder))
        elif result.error:
            yield verdict(FAILS, result.error)
        elif first is None:
            first = one
            yield verdict(*_copy(one, result, copies.get(one.name), folder))
        else:
            same = result.digests[PLAIN] == built[first.name].digests[PLAIN]
            yield verdict(NEEDLESS if same else REBUILT)


def _copy(one: _Version, result: Built, copied: Built | None, folder: Path) -> tuple[str, str]:
    """Compare the images of a project and of a copy of the files that count."""
    assert one.project is not None
    if copied and copied.digests.get(PLAIN) != result.digests[PLAIN]:
        plain, copy = (contents(one.project, way, folder / f"c{way}") for way in (PLAIN, COPY))
        found = differences(plain, copy)
        if found:
            return COPY_DIFFERS, "\n".join(found)
    return FIRST, ""


def _same_key(
    one: _Version, other: _Version, built: Mapping[str, Built], folder: Path
) -> tuple[str, str]:
    """Compare two versions with the same fingerprint."""
    assert one.project is not None
    assert other.project is not None
    results = [built[version.name] for version in (one, other)]
    if all(result.error for result in results):
        return FAILS, results[1].error
    if len({result.digests.get(PLAIN) for result in results}) == 1:
        return SAME, ""
    here, there = (
        contents(version.project, PLAIN, folder / version.name / "alone")
        for version in (one, other)
        if version.project
    )
    found = differences(here, there)
    if not found:
        return SAME, "but for times"
    if here.error or there.error:
        return NO_IMAGE, "\n".join(found)
    if only_mode_bits(here, there):
        return MODE_BITS, "\n".join(found)
    return SKIP, "\n".join(found)
