"""Run cases in parallel processes against one real registry."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING

from tests.faults.case import CampaignRegistry, case_of
from tests.faults.run import run_case
from tests.faults.verdict import judge
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.faults.verdict import Verdict

TOKEN = "fm2_a-secret-that-must-not-be-seen"


@contextmanager
def start_registry(folder: Path) -> Iterator[CampaignRegistry]:
    """Start the registry of a campaign in `folder`."""
    at = folder / "registry"
    with secured_registry(at, user="x", password=TOKEN) as (registry, trust):
        yield CampaignRegistry(registry.address, at, TOKEN, trust)


def verdicts(seeds: Iterable[int], place: CampaignRegistry, jobs: int) -> Iterator[Verdict]:
    """Yield the verdict of each run, `jobs` at a time, in the order of `seeds`."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _begin, (dict(place.trust),)) as pool:
        yield from pool.map(_one, seeds, repeat(place))


def _one(seed: int, place: CampaignRegistry) -> Verdict:
    return judge(run_case(case_of(seed), place))


def _begin(trust: dict[str, str]) -> None:
    """Set SSL_CERT_FILE in each process, as the library reads it from the environment."""
    os.environ.update(trust)
