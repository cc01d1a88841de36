"""Run the campaign: `python -m tests.random_builds [--builds N] [--seed SEED]`.

With `BUILDKIT=newest`, which `make random-builds` sets, it runs on the BuildKit and buildx that
`sandbox/go` pins; this needs Go. It prints totals, and each false skip with its seed, and exits
with 1 for one. `--seed 17 --builds 1` repeats one case and prints it in full.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its tables
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.builders.container import newest
from tests.proof.external_servers import serve_repository
from tests.random_builds.case import CHANGES
from tests.random_builds.table import describe, is_built, table
from tests.random_builds.trees import Variety
from tests.random_builds.verdict import AT_ONCE, WRONG, Verdict, judge


def main(words: list[str]) -> int:
    """Run the campaign and print its results."""
    chosen = _chosen(words)
    with tempfile.TemporaryDirectory(prefix="random-") as folder:
        if os.environ.get("BUILDKIT") != "newest":
            return _run(chosen, Variety(newer=False), Path(folder))
        place = Path(folder)
        with serve_repository(place / "git") as git, newest(place, in_memory=True) as about:
            print(about, flush=True)
            return _run(chosen, Variety(git=git), place)


def _run(chosen: argparse.Namespace, variety: Variety, folder: Path) -> int:
    began, seed = time.monotonic(), chosen.seed
    done: list[Verdict] = []
    while (left := chosen.builds - _count(done)) > 0:
        count = min(AT_ONCE, -(-left // (CHANGES + 1)))
        place = folder / f"from-{seed}"
        place.mkdir()
        for verdict in judge(range(seed, seed + count), variety, place):
            done.append(verdict)
            if verdict.word in WRONG or chosen.builds <= CHANGES + 1:
                print(describe(verdict), flush=True)
        place.rmdir()
        seed += count
        print(f"{_count(done)} builds, next seed {seed}", file=sys.stderr, flush=True)
    took = time.monotonic() - began
    print(f"seeds {chosen.seed} to {seed - 1}")
    print("\n".join(table(done)))
    print(f"\n{took:.0f} s, {_count(done) / took:.1f} builds a second")
    return int(any(verdict.word in WRONG for verdict in done))


def _count(verdicts: list[Verdict]) -> int:
    return sum(map(is_built, verdicts))


def _chosen(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.random_builds")
    parser.add_argument("--builds", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
