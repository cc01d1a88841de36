"""Fuzz a target for ten minutes: `python -m tests.fuzz TARGET`.

No exceptions but our own errors are allowed, and no input may take a second or 200 MB. Finds are
saved in `tests/fuzz/seeds/TARGET/found-…`, where every `make test` tries them: fix the bug, and
give the file a name that describes it. `--try FILE` runs one input. Without a target all are fuzzed
one after the other; `--list` prints them.
"""

# ruff: noqa: T201 - a command that prints what it found

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.limits import judge_within_limits
from tests.fuzz.target import ROOT, Target
from tests.fuzz.targets import TARGETS

WORK = ROOT / ".fuzz"
_ENDS = ("timeout-", "crash-", "oom-", "leak-", "slow-unit-")
_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\s", re.MULTILINE)


def main(words: list[str]) -> int:
    """Run the campaign and print its results."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--try", type=Path, dest="file", metavar="FILE")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args(words)
    targets = [TARGETS[name] for name in chosen.target or TARGETS]
    if chosen.list:
        print("\n".join(TARGETS))
        return 0
    if chosen.file:
        return max([_tried(target, chosen.file) for target in targets])
    if find_spec("atheris") is None:
        print("make fuzz needs atheris: Linux on x86-64, Python 3.11 to 3.13", file=sys.stderr)
        return 2
    return max([_fuzzed(target, chosen.minutes * 60, chosen.seed) for target in targets])


def _tried(target: Target, file: Path) -> int:
    began = time.process_time()
    found = judge_within_limits(target, file.read_bytes())
    print(f"{target.name}: {found or 'well'}, {time.process_time() - began:.2f} s")
    print(found.trace if found else "", end="")
    return int(bool(found))


def _fuzzed(target: Target, seconds: float, seed: int) -> int:
    """Start new processes until the time is over; one that ends early met a fatal input."""
    corpus = WORK / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for file in target.folder.iterdir():
        if not file.name.removeprefix("found-").startswith(_ENDS):
            (corpus / file.name).write_bytes(file.read_bytes())
    before = set(target.folder.iterdir())
    until, inputs = time.monotonic() + seconds, 0
    while (left := int(until - time.monotonic())) > 0:
        log = WORK / f"{target.name}.log"
        with log.open("wb") as out:
            command = [sys.executable, "-m", "tests.fuzz.campaign", target.name, str(corpus)]
            subprocess.run([*command, str(left), str(seed)], stderr=out, check=False, cwd=ROOT,
                           env={**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
        counts = [int(a or b) for a, b in _RUNS.findall(log.read_text(errors="replace"))]
        if not counts:
            print(f"{target.name}: nothing was tried; {log} says why", file=sys.stderr)
            return 2
        inputs, seed = inputs + counts[-1], seed + 1
    made = sorted(set(target.folder.iterdir()) - before)
    found = [file for file in made if _stands(target, file)]
    print(f"{target.name}: {inputs} inputs, {len(found)} finds", flush=True)
    for file in found:
        print(f"  {file.relative_to(ROOT)}")
    return int(bool(found))


def _stands(target: Target, file: Path) -> bool:
    """Judge a find again without atheris, which slows down all code; delete it if it passes."""
    if file.name.removeprefix("found-").startswith(_ENDS):
        return True
    if judge_within_limits(target, file.read_bytes()):
        return True
    file.unlink()
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
