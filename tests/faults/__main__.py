"""Run the campaign: `python -m tests.faults [--runs N] [--from SEED] [--jobs N]`.

Each run is a real `invoke plan` or `invoke build-all` against the real registry behind a proxy that
makes 20% of the requests fail. Existing images are pushed without the pipeline; a second run
without faults uses the library. It prints totals and exits with 1 if anything was wrong. A seed
determines a case: `--from 17 --runs 1` repeats run 17 and prints it in full.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.campaign import start_registry, verdicts
from tests.faults.case import RATE
from tests.faults.table import describe, table


def main(words: list[str]) -> int:
    """Run the campaign and print its results."""
    chosen = _chosen(words)
    seeds = range(chosen.first, chosen.first + chosen.runs)
    began, done = time.monotonic(), []
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        start_registry(Path(folder)) as place,
    ):
        print(f"seeds {seeds[0]} to {seeds[-1]}, {RATE:.0%} of requests failing")
        for verdict in verdicts(seeds, place, chosen.jobs):
            done.append(verdict)
            if verdict.wrong or chosen.runs == 1:
                print(describe(verdict), flush=True)
            if len(done) % 25 == 0:
                print(f"{len(done)} of {len(seeds)} runs", file=sys.stderr, flush=True)
    print("\n".join(table(done)))
    print(f"\n{time.monotonic() - began:.0f} s")
    return int(any(verdict.wrong for verdict in done))


def _chosen(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    parser.add_argument("--jobs", type=int, default=6)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
