"""Measure fingerprints of many files, and of many images.

Files are compared with the minimum of work: walk the tree, and read and hash every file with
hashlib on one thread, in the same Python with a warm cache. Best of three, as other load can only
make a run slower.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import fingerprint, load, plan
from pipeline.model.presence import Absent
from pipeline.model.state import State

if TYPE_CHECKING:
    from collections.abc import Callable

FILES, SIZE, PER_FOLDER = 100_000, 2_048, 100
IMAGES = (2_500, 5_000, 10_000)


def main() -> None:
    """Run both comparisons."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        _many_files(Path(folder))
    for number in IMAGES:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            _many_images(Path(folder), number)


def _many_files(root: Path) -> None:
    context = root / "images/big"
    for start in range(0, FILES, PER_FOLDER):
        folder = context / f"d{start // 10_000}" / f"d{start}"
        folder.mkdir(parents=True)
        for number in range(start, start + PER_FOLDER):
            (folder / f"f{number}").write_bytes(number.to_bytes(8, "big") * (SIZE // 8))
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    time.sleep(2.5)  # Files changed in the last two seconds are checked more carefully.
    project = load(root)
    walk = _best(lambda: _plain_walk(str(context)))
    ours = _best(lambda: fingerprint(project))
    print(f"{FILES:,} files, {FILES * SIZE >> 20} MiB: a plain walk {walk:.2f} s, ", end="")
    print(f"the fingerprint {ours:.2f} s, ratio {ours / walk:.2f}")


def _plain_walk(top: str) -> None:
    for folder, _, names in os.walk(top):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - the fastest there is
                hashlib.sha256(file.read()).hexdigest()


def _many_images(root: Path, number: int) -> None:
    for index in range(number):
        folder = root / f"images/app{index}"
        folder.mkdir(parents=True)
        base = f"app{index // 10}" if index >= 10 else "scratch"
        (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY app.txt /\n")
        (folder / "app.txt").write_text(str(index))
    began = time.monotonic()
    project = load(root)
    loaded = time.monotonic()
    inputs = fingerprint(project)
    state = State(project, inputs, dict.fromkeys(project.names, Absent()), {}, {}, 0, 0.0)
    made = plan(project, state)
    ended = time.monotonic()
    assert len(made.to_build) == number  # noqa: S101 - a benchmark of nothing proves nothing
    print(
        f"{number:,} images: loaded in {loaded - began:.2f} s, planned in {ended - loaded:.2f} s, "
        f"{(ended - began) / number * 1000:.2f} ms each"
    )


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return min(times)


if __name__ == "__main__":
    main()
