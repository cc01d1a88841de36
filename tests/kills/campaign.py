"""Run rounds in sequence or in parallel against one real registry."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import docker

from tests.kills.round import TOKEN, CampaignRegistry, duration, run_round
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sandbox.engine import Engine
    from tests.kills.round import Round


@contextmanager
def start_registry(folder: Path, own: Engine | None = None) -> Iterator[CampaignRegistry]:
    """Start a registry in `folder`; remove its images from the engine at the end."""
    at = folder / "registry"
    with secured_registry(at, user="x", password=TOKEN) as (registry, trust):
        host = {"DOCKER_HOST": own.host} if own else {}
        engine = docker.from_env(timeout=120, environment={**os.environ, **host})
        try:
            yield CampaignRegistry(registry.address, at / "ca.pem", trust, engine, own)
        finally:
            _forget(engine, registry.address)
            engine.close()


def rounds(seeds: Sequence[int], place: CampaignRegistry, jobs: int) -> Iterator[Round]:
    """Yield each round, `jobs` at a time, in the order of `seeds`.

    The moments of the kills are within the time of an undisturbed build, plus a tenth.
    """
    span = 1.1 * duration(place)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda seed: run_round(seed, place, span), seeds)


def describe(one: Round) -> str:
    """Return a round as one line, followed by what was wrong."""
    line = f"seed {one.seed:>4}  {one.seconds:5.2f} s  {one.whom:<7}  {one.stage:<10}"
    line += f"  {one.tags} tags"
    return "\n".join([line, *(f"  WRONG: {what}" for what in one.wrong)])


def table(done: Sequence[Round]) -> Iterator[str]:
    """Yield how many were killed in which stage, and the totals."""
    stages = Counter((one.stage, one.whom) for one in done)
    kinds = ("engine",) if done and done[0].whom == "engine" else ("process", "group")
    yield f"\n{'killed while':<14}" + "".join(f"{whom:>9}" for whom in kinds)
    for stage in sorted({one.stage for one in done}):
        yield f"{stage:<14}" + "".join(f"{stages[stage, whom]:>9}" for whom in kinds)
    yield f"\n{len(done)} kills, {len(done)} next runs"
    yield f"{sum(one.tags for one in done)} tags resolved after the kills"
    yield f"{sum(bool(one.wrong) for one in done)} rounds went wrong"


def _forget(engine: docker.DockerClient, address: str) -> None:
    """Remove the images of a stopped registry from the engine.

    Several at once, as the engine collects garbage after each, or after all that wait.
    """
    images = engine.images.list(filters={"reference": f"{address}/*/*"})

    def remove(tag: str) -> None:
        with suppress(docker.errors.APIError):
            engine.images.remove(tag)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, [tag for image in images for tag in image.tags]))
