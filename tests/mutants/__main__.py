"""Apply each mutant and run the quick tests: `python -m tests.mutants [NAME…]`.

Each is applied alone in a copy of the tree. First the tests run that should notice it, and if they
pass, all of `make test-quick`. The exit code is 1 if a mutant survives, or no longer applies. NAME
is a part of a mutant's name.
"""

# ruff: noqa: T201 - a command that prints what it found

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.mutants.mutant import ROOT, Mutant, StaleMutantError
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_PRINTED = 4000
_QUICK = "not engine and not registry and not sample"
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
_AT_ONCE = 2


def main(words: Sequence[str]) -> int:
    """Try the mutants whose names contain one of `words`, or all; print a line for each."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    if not chosen:
        print("no breakage has such a name", file=sys.stderr)
        return 2
    return try_all(chosen)


def try_all(mutants: Sequence[Mutant], everything: Sequence[str] = ("tests",)) -> int:
    """Try mutants, two at a time; one of the tests `everything` must notice each."""
    try:
        for mutant in mutants:
            mutant.applied()
    except StaleMutantError as error:
        print(error, file=sys.stderr)
        return 1
    started = time.monotonic()
    with TemporaryDirectory(prefix="mutants-") as scratch:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(_AT_ONCE):
            tree = Path(scratch) / str(number)
            shutil.copytree(ROOT, tree, ignore=_LEFT_OUT, symlinks=True)
            trees.put(tree)
        sound = trees.get()
        said = _failure(sound, sorted({path for mutant in mutants for path in mutant.paths}))
        if said:
            print(f"{said}\nwithout any breakage, these tests fail already", file=sys.stderr)
            return 1
        trees.put(sound)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            survived = list(pool.map(lambda mutant: _survives(mutant, trees, everything), mutants))
    seconds = time.monotonic() - started
    print(f"{len(mutants)} breakages, {sum(survived)} survived, {seconds:.0f} s")
    return int(any(survived))


def _survives(mutant: Mutant, trees: SimpleQueue[Path], everything: Sequence[str]) -> bool:
    """Apply a mutant to one of the trees, run the tests there, and revert it."""
    tree = trees.get()
    file = tree / "pipeline" / mutant.file
    whole = file.read_bytes()
    started = time.monotonic()
    file.write_text(mutant.applied(tree), encoding="utf-8")
    try:
        noticed = "noticed"
        if not _failure(tree, mutant.paths):
            noticed = "noticed elsewhere" if _failure(tree, everything) else "SURVIVED"
    finally:
        file.write_bytes(whole)
        trees.put(tree)
    seconds = time.monotonic() - started
    print(f"{noticed:18}{seconds:5.1f} s  {mutant.file:36}{mutant.name}", flush=True)
    return noticed == "SURVIVED"


def _failure(tree: Path, paths: Sequence[str]) -> str:
    """Run the quick tests at these paths of a tree; return what the first failure printed."""
    # Python compares compiled files with their source by size and second only.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", _QUICK]
    ended = subprocess.run(
        [*command, *paths], cwd=tree, env=environ, capture_output=True, check=False
    )
    if not ended.returncode:
        return ""
    printed = (ended.stdout + ended.stderr).decode(errors="replace")
    return printed[-_MOST_PRINTED:] or "nothing is printed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
