"""Kill 100 builds with SIGKILL at random moments: `python -m tests.kills`.

After each kill: every tag is complete; the next run succeeds; nothing is left behind. A seed
determines when a build is killed, and whether only its process or its whole group is; `--from SEED
--runs 1` repeats one.

With `--engine`, not the builds but their engine is killed and restarted: a separate engine of the
sandbox, one round after the other.
"""

# ruff: noqa: T201 - a command that prints its tables

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from sandbox import engine
from tests.kills.campaign import describe, rounds, start_registry, table


def main(words: list[str]) -> int:
    """Run the campaign and print its results."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--engine", action="store_true")
    chosen = parser.parse_args(words)
    if chosen.engine:
        return _with_engine(chosen)
    return _campaign(chosen, None)


def _with_engine(chosen: argparse.Namespace) -> int:
    own = engine.start("kills", snapshotter=True)
    try:
        chosen.jobs = 1
        return _campaign(chosen, own)
    finally:
        own.stop()


def _campaign(chosen: argparse.Namespace, own: engine.Engine | None) -> int:
    seeds = range(chosen.first, chosen.first + chosen.runs)
    began, done = time.monotonic(), []
    folders = tempfile.TemporaryDirectory(prefix="kills-")
    with folders as folder, start_registry(Path(folder), own) as place:
        for one in rounds(seeds, place, chosen.jobs):
            done.append(one)
            print(describe(one), flush=True)
        print("\n".join(table(done)))
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        # Removing thousands of images takes minutes: the engine collects garbage after each.
        print("removing this campaign's images from the engine", file=sys.stderr, flush=True)
    return int(any(one.wrong for one in done))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
