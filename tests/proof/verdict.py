"""Build cases before and after each change, and compare BuildKit with our fingerprint."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import fingerprint, load
from pipeline.errors import ConfigError
from tests.proof.buildkit import APP, AT_ONCE, COPY, PLAIN, Requirement, build_each
from tests.proof.changes import UNSEEN, Change, changes
from tests.proof.tree import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.model.inputs import Fingerprint
    from pipeline.model.project import Project
    from tests.proof.buildkit import Built
    from tests.proof.cases import Case

RIGHT, REFUSED, NEEDLESS, SKIP = "right", "refused", "needless", "FALSE SKIP"
OTHER = "ANOTHER IMAGE"
"""The image from a copy of the fingerprinted files differs from that of the project itself."""
NOT_HERE = "not here"

DELIBERATE = {
    "other mode bits": "permission bits other than the executable one, which Git does not keep",
    "umask": "permission bits other than the executable one, which Git does not keep",
}
"""Deliberate false skips and their reasons (docs/fingerprint.md, Exceptions)."""

ARGUED = {
    "comment": "bytes of the Dockerfile that do not matter to the target",
    "whitespace": "bytes of the Dockerfile that do not matter to the target",
    "instruction": "bytes of the Dockerfile that do not matter to the target",
    "argument default": "an argument that is declared and not used",
    "argument": "an argument that is declared and not used",
    "unused argument": "an argument that a trigger which nobody knows may declare",
    "lock gone": "a lock that is gone, if the tag still names what it pinned",
    "base": "a base that changed and comes out the same",
    "executable": "an executable bit that `--chmod` sets anyway",
}
"""Accepted needless rebuilds and their reasons (docs/fingerprint.md, Exceptions)."""

_TOO_OLD = re.compile(
    r"unknown flag|invalid checksum digest format|fetching default branch for repository \S+\?"
)
"""Errors of BuildKit 0.12 for flags, the checksum of a Git source, and the query of its address."""

UNDECIDED = "files, where what is read cannot be decided"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A case and one of its changes."""

    case: Case
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a pair: `word` is the verdict, `detail` what was seen.

    `NOT_HERE` is for what this BuildKit is too old to build.
    """

    pair: Pair
    word: str
    detail: str

    @property
    def argument(self) -> str:
        """Return the documented reason for it, or an empty string."""
        if self.word in (RIGHT, REFUSED, NOT_HERE):
            return "as it is to be"
        if self.word == NEEDLESS and self.pair.case.undecided:
            return UNDECIDED
        known = {SKIP: DELIBERATE, NEEDLESS: ARGUED}.get(self.word, {})
        return known.get(self.pair.kind, "")


@dataclass(frozen=True, slots=True)
class _Laid:
    """A pair on the disk: the project before the change and, unless we refuse it, after it."""

    before: Project
    after: Project | None
    change: Change


def pairs_of(cases: Iterable[Case]) -> list[Pair]:
    """Return every change of every case."""
    return [Pair(c, one.kind, one.what) for c in cases for one in changes(c.tree("n"), "n")]


def judge(pairs: Iterable[Pair], folder: Path) -> Iterator[Verdict]:
    """Build each pair before and after its change, many at once, and compare with the fingerprint.

    Each pair has unique content, so that no other one has filled the cache for it. An unexpected
    verdict counts only if it is confirmed by a second try, alone: a busy engine sometimes loses a
    layer and builds it again. Besides, when BuildKit receives a file in a folder that it has
    already, the folder gets the current time (fsutil's `diskwriter.go`), so two ways in different
    seconds make two images. What an old BuildKit does not support is built alone, too, because the
    error does not say which project caused it.
    """
    every = list(pairs)
    known = [pair for pair in every if not pair.case.newer]
    batches = [known[start : start + AT_ONCE] for start in range(0, len(known), AT_ONCE)]
    batches += [[pair] for pair in every if pair.case.newer]
    for number, batch in enumerate(batches):
        found = list(_judged(batch, folder / f"{number}"))
        suspects = [verdict.pair for verdict in found if not verdict.argument]
        places = ((pair, folder / f"{number}-again-{at}") for at, pair in enumerate(suspects))
        again = {v.pair: v for pair, place in places for v in _judged([pair], place)}
        yield from (again.get(verdict.pair, verdict) for verdict in found)


def _judged(pairs: Sequence[Pair], folder: Path) -> Iterator[Verdict]:
    if pairs:
        some = {f"c{number}": pair for number, pair in enumerate(pairs)}
        laid = {key: _laid(pair, folder / key) for key, pair in some.items()}
        ways = {key: _ways(pair) for key, pair in some.items()}
        before = {key: Requirement(one.before, ways[key][:1]) for key, one in laid.items()}
        first = build_each(before, folder)
        after = {
            key: Requirement(one.after, ways[key])
            for key, one in laid.items()
            if one.after and not first[key].error
        }
        second = build_each(after, folder)
        for key, pair in some.items():
            yield _verdict(pair, laid[key], first[key], second.get(key))


def _ways(pair: Pair) -> tuple[str, ...]:
    """Return the ways to build a pair: before the change only the first, after it all.

    BuildKit does not see an unseen change: it builds the files that it was sent before.
    """
    return (COPY,) if pair.kind == UNSEEN else (PLAIN, COPY)


def _laid(pair: Pair, folder: Path) -> _Laid:
    nonce = uuid.uuid4().hex[:12]
    before = pair.case.tree(nonce)
    change = next(c for c in changes(before, nonce) if (c.kind, c.what) == (pair.kind, pair.what))
    after = _loaded(write(change.after, folder / "after"))
    return _Laid(load(write(before, folder / "before")), after, change)


def _verdict(pair: Pair, laid: _Laid, first: Built, second: Built | None) -> Verdict:
    if first.error:
        word = NOT_HERE if pair.case.newer and _TOO_OLD.search(first.error) else SKIP
        return Verdict(pair, word, f"BuildKit refuses the case itself: {first.error}")
    if laid.after is None or second is None:
        return Verdict(pair, REFUSED, "we refuse it")
    if len(set(second.digests.values())) > 1:
        return Verdict(pair, OTHER, "a copy of the files that count makes another image")
    same = _print(laid.before) == _print(laid.after, laid.change.after.environ)
    if second.error:
        # An image that cannot be built is not skipped by mistake, as it has another tag.
        return Verdict(pair, SKIP if same else REFUSED, f"BuildKit refuses it: {second.error}")
    way = _ways(pair)[0]
    another = first.digests[way] != second.digests[way]
    ran = f"ran {', '.join(second.ran)}" if second.ran else "ran nothing"
    detail = f"{ran}; {'another' if another else 'the same'} image"
    missed = bool(second.ran) or another
    word = RIGHT if missed != same else SKIP if missed else NEEDLESS
    return Verdict(pair, word, detail)


def _print(project: Project, environ: Mapping[str, str] | None = None) -> Fingerprint:
    with _environment(environ or {}):
        return fingerprint(project)[APP].fingerprint


def _loaded(root: Path) -> Project | None:
    """Return the project after its change; None if we refuse it, which skips nothing."""
    try:
        project = load(root)
        fingerprint(project)
    except ConfigError:
        return None
    return project


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
