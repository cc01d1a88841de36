"""Judge all changes of a base, on the engine and the registry of the environment."""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints its table
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.proof.reuse.cases import CHANGES
from tests.proof.reuse.verdict import World, errors, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.proof.reuse.cases import Change
    from tests.proof.reuse.verdict import Judged


def judge_reuse(names: Sequence[str]) -> int:
    """Judge the changes with one of these words in their names, or all; print the tables.

    With the word `cache-gone`, the builder loses its cache after each change. With the word
    `base-first`, a run of its own builds the base.
    """
    words = [name for name in names if name not in {"cache-gone", "base-first"}]
    gone = "cache-gone" in names
    chosen = [change for change in CHANGES if not words or any(w in change.name for w in words)]
    found: list[Judged] = []
    wrong: list[str] = []
    same = {change.name: change.same and not gone for change in chosen}
    try:
        event = _prune if gone else _nothing
        for each in _worlds(event, chosen, base_first="base-first" in names):
            found.append(each)
            wrong += errors([each], same)
            if not len(found) % 50:
                print(f"{len(found)} dependents judged", file=sys.stderr, flush=True)
    finally:
        print("\n".join([*table(found), "", *wrong]), flush=True)
    return int(bool(wrong))


def _worlds(
    event: Callable[[], None], chosen: Sequence[Change], *, base_first: bool
) -> Iterator[Judged]:
    host = os.environ["PIPELINE_REGISTRY_HOST"]
    where = f"proof-{secrets.token_hex(4)}/{{name}}"
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        settings = f'[registry]\nhost = "{host}"\nrepository = "{where}"\n'
        world = World(Path(folder, "project"), settings, event, base_first=base_first)
        yield from world.judge(chosen)


def _nothing() -> None:
    pass


def _prune() -> None:
    subprocess.run(
        ["docker", "builder", "prune", "--all", "--force"], check=True, capture_output=True
    )
