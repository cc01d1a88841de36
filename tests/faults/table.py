"""The results of a campaign as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.faults.case import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.verdict import Verdict


def describe(verdict: Verdict) -> str:
    """Return a run in full, so that it can be understood without a repetition."""
    seen = verdict.seen
    lines = [f"seed {seen.case.seed}: {seen.case}", *(f"  WRONG: {w}" for w in verdict.wrong)]
    lines += [f"  ended with {seen.code} after {seen.seconds:.1f} s", seen.ran.out, seen.ran.err]
    return "\n".join([*lines, *(f"  {entry}" for entry in seen.log)])


def table(done: Sequence[Verdict]) -> Iterator[str]:
    """Yield totals by outcome and by kind of fault."""
    outcomes = Counter((v.seen.case.task, v.seen.case.whose, v.outcome) for v in done)
    kinds = Counter(entry.kind for v in done for entry in v.seen.log if entry.kind)
    requests = sum(len(v.seen.log) for v in done)
    could = sum(v.seen.case.whose == "all" or d.agent == OURS for v in done for d in v.seen.log)
    ours = sum(entry.agent == OURS for v in done for entry in v.seen.log)
    yield f"\n{'runs':>6}  task        faults for  outcome"
    for (task, whose, outcome), number in sorted(outcomes.items()):
        yield f"{number:>6}  {task:<10}  {whose:<10}  {outcome}"
    yield f"\n{'times':>6}  fault"
    yield from (f"{number:>6}  {kind}" for kind, number in sorted(kinds.items()))
    share = f"{sum(kinds.values())} of {could} possible ones failed"
    yield f"\n{requests} requests ({ours} of them ours); {share}"
    shown = sum("authorization" in s.headers for v in done for s in v.seen.strangers)
    yield f"{shown} times BuildKit or the engine sent a credential to a foreign host, we never"
    yield f"{sum(v.seen.case.task == 'build-all' for v in done)} reruns of builds without faults"
    yield f"the slowest run took {max(v.seen.seconds for v in done):.1f} s"
    yield f"{sum(bool(v.wrong) for v in done)} of {len(done)} runs went wrong"
