"""Run the whole proof: `python -m tests.proof [CASE…]`, on the engine of the environment.

It prints a table of cases, one of changes, the documented exceptions, and the errors. It exits with
1 for a false skip or a needless rebuild that is not a documented exception.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import sys
import tempfile
from pathlib import Path

from tests.proof.cases import CASES
from tests.proof.external_servers import outside_cases
from tests.proof.table import counts_by, errors, exceptions
from tests.proof.verdict import Verdict, judge, pairs_of


def main(names: list[str]) -> int:
    """Judge the named cases, or all."""
    verdicts: list[Verdict] = []
    with (
        tempfile.TemporaryDirectory(prefix="proof-") as folder,
        outside_cases(Path(folder)) as outside,
    ):
        pairs = pairs_of(case for case in (*CASES, *outside) if not names or case.name in names)
        for verdict in judge(pairs, Path(folder)):
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
