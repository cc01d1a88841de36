"""Cases and changes, built before and after: what BuildKit did, and what we would have done."""

from __future__ import annotations

import os
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
"""What is built of a copy of the files that count is not what is built of the project itself."""
NOT_HERE = "not here"

DELIBERATE = {
    "other mode bits": "permission bits other than the executable one, which Git does not keep",
    "umask": "permission bits other than the executable one, which Git does not keep",
}
"""Where a false skip is meant, and why (docs/fingerprint.md, Exceptions)."""

ARGUED = {
    "comment": "bytes of the Dockerfile that do not matter to the target",
    "whitespace": "bytes of the Dockerfile that do not matter to the target",
    "instruction": "bytes of the Dockerfile that do not matter to the target",
    "argument default": "an argument that is declared and not used",
    "argument": "an argument that is declared and not used",
    "unused argument": "an argument that a trigger which nobody knows may declare",
    "base": "a base that changed and comes out the same",
    "executable": "an executable bit that `--chmod` sets anyway",
}
"""Where a needless rebuild is argued for, and why (docs/fingerprint.md, Exceptions)."""

UNDECIDED = "files, where what is read cannot be decided"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A case and one of its changes, by kind and thing."""

    case: Case
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one pair came to. `word` is the verdict, `detail` what was seen.

    `NOT_HERE` is for what this BuildKit is too old to build at all.
    """

    pair: Pair
    word: str
    detail: str

    @property
    def argument(self) -> str:
        """Why it may be so; empty where nothing argues for it."""
        if self.word in (RIGHT, REFUSED, NOT_HERE):
            return "as it is to be"
        if self.word == NEEDLESS and self.pair.case.undecided:
            return UNDECIDED
        known = {SKIP: DELIBERATE, NEEDLESS: ARGUED}.get(self.word, {})
        return known.get(self.pair.kind, "")


@dataclass(frozen=True, slots=True)
class _Laid:
    """A pair on the disk: the project before, and after where we do not refuse it."""

    before: Project
    after: Project | None
    change: Change


def pairs_of(cases: Iterable[Case]) -> list[Pair]:
    """Every change of every case."""
    return [Pair(c, one.kind, one.what) for c in cases for one in changes(c.tree("n"), "n")]


def judge(pairs: Iterable[Pair], folder: Path) -> Iterator[Verdict]:
    """Build each pair before and after its change, many at once; what was cached, what would be.

    Each pair has content of its own, so that no other has filled the cache for what it changes to.
    A verdict that nothing argues for is given twice before it counts, the second time alone: an
    engine with much to do drops a layer now and then, and makes it anew. And a folder that BuildKit
    has already, when it is sent a file in it, gets the time of that moment (fsutil's
    `diskwriter.go` sets those of folders that changed): two ways in different seconds make two
    images. What an older BuildKit does not know is built alone, too: it ends a solve without a word
    of whose fault it is.
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
    """The ways to build a pair: the first before the change and after it, all after it.

    BuildKit itself does not see what is unseen: it builds what it was sent before.
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
        word = NOT_HERE if pair.case.newer and "unknown flag" in first.error else SKIP
        return Verdict(pair, word, f"BuildKit refuses the case itself: {first.error}")
    if laid.after is None or second is None:
        return Verdict(pair, REFUSED, "we refuse it")
    if len(set(second.digests.values())) > 1:
        return Verdict(pair, OTHER, "a copy of the files that count makes another image")
    same = _print(laid.before) == _print(laid.after, laid.change.after.environ)
    if second.error:
        # What cannot be built is not skipped by mistake if its tag is another one.
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
    """The project after its change; nothing where we refuse it, which skips nothing."""
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
