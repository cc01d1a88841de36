"""One process of the campaign: atheris makes inputs that reach new lines.

A find is saved as a seed, the first of each cause, and the process continues. What ends the process
(a crash of Python, an endless loop) is saved by libFuzzer, and `__main__` starts another.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from random import Random
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.target import Target

with atheris.instrument_imports(include=["pipeline"]):
    import pipeline

    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        importlib.import_module(module.name)

from tests.fuzz.limits import judge_within_limits
from tests.fuzz.mutations import LONGEST, mutated
from tests.fuzz.targets import TARGETS


def main(name: str, corpus: str, seconds: int, seed: int) -> None:
    """Try inputs for `seconds`; then libFuzzer ends the process."""
    target = TARGETS[name]
    options = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        "-timeout=30",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={target.folder}/found-",
        *([f"-dict={target.dictionary}"] if target.dictionary else []),
        f"-seed={seed}",
        "-verbosity=1",
        "-print_final_stats=1",
        corpus,
    ]
    atheris.Setup(options, _trying(target), custom_mutator=_mutator(target))
    atheris.Fuzz()


def _trying(target: Target) -> Callable[[bytes], None]:
    def one(data: bytes) -> None:
        if found := judge_within_limits(target, data):
            keep(target, data, f"{found}", found.key)

    return one


def keep(target: Target, data: bytes, what: str, key: str) -> None:
    """Save an input as a seed, unless there is one with the same cause."""
    file = target.folder / f"found-{key}"
    if not file.exists():
        file.write_bytes(data)
        print(f"FOUND {what}: {file}", file=sys.stderr, flush=True)  # noqa: T201


def _mutator(target: Target) -> Callable[[bytes, int, int], bytes]:
    """Return a mutator: half of the inputs by libFuzzer, half by our own, which know the format."""
    seeds = target.seeds()

    def make(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - the same again for the same seed
        if random.random() < 0.5:
            made: bytes = atheris.Mutate(data, longest)
            return made
        return mutated(data, seeds, target, random)[:longest]

    return make


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
