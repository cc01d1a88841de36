"""Run the whole proof: `python -m tests.proof [CASE…]`, on the engine of the environment.

`python -m tests.proof reuse [CHANGE…]` runs only the second table (`tests.proof.reuse`), which has
to do with bases that change and contain the same; without names it follows the first one.

With `BUILDKIT=newest` it runs on the BuildKit and buildx that `sandbox/go` pins (`make proof
BUILDKIT=newest`); this needs Go.

It prints a table of cases, one of changes, the documented exceptions, and the errors. It exits with
1 for a false skip or a needless rebuild that is not a documented exception.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.builders.container import newest
from tests.proof.cases import CASES, LATER
from tests.proof.external_servers import outside_cases
from tests.proof.reuse.campaign import judge_reuse
from tests.proof.table import counts_by, errors, exceptions
from tests.proof.verdict import Verdict, judge, pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.cases import Case


def main(names: list[str]) -> int:
    """Judge the named cases, or all; then what is reused."""
    if names[:1] == ["reuse"]:
        return _judge_reuse(names[1:])
    found = _judge_cases(names)
    return max(found, _judge_reuse([])) if not names else found


def _judge_reuse(words: list[str]) -> int:
    if os.environ.get("BUILDKIT") != "newest":
        return judge_reuse(words)
    with tempfile.TemporaryDirectory(prefix="proof-") as folder, newest(Path(folder)) as about:
        print(about, flush=True)
        return judge_reuse(words)


def _judge_cases(names: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        if os.environ.get("BUILDKIT") != "newest":
            return _judge(names, Path(folder), lambda case: case)
        with newest(Path(folder)) as about:
            print(about, flush=True)
            # Nothing is too new for it, so many of these cases are built at once, too.
            return _judge(names, Path(folder), lambda case: replace(case, newer=False))


def _judge(names: list[str], folder: Path, adapt: Callable[[Case], Case]) -> int:
    verdicts: list[Verdict] = []
    with outside_cases(folder) as outside:
        every = (adapt(case) for case in (*CASES, *LATER, *outside))
        pairs = pairs_of(case for case in every if not names or case.name in names)
        for verdict in judge(pairs, folder):
            verdicts.append(verdict)
            if len(verdicts) % 100 == 0:
                print(f"{len(verdicts)} of {len(pairs)} changes judged", file=sys.stderr)
    wrong = list(errors(verdicts))
    print("\n".join(counts_by(lambda v: v.pair.case.name, "case", verdicts)), end="\n\n")
    print("\n".join(counts_by(lambda v: v.pair.kind, "change", verdicts)), end="\n\n")
    print("\n".join([*exceptions(verdicts), "", *wrong]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
