"""Rounds one after the other or several at once, against one real registry."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import docker

from tests.kills.round import TOKEN, Place, duration, play
from tests.support.secured_registry import secured_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sandbox.engine import Engine
    from tests.kills.round import Round


@contextmanager
def place_in(folder: Path, own: Engine | None = None) -> Iterator[Place]:
    """A registry in `folder`; what the engine keeps of its images is removed at the end."""
    at = folder / "registry"
    with secured_registry(at, user="x", password=TOKEN) as (registry, trust):
        host = {"DOCKER_HOST": own.host} if own else {}
        engine = docker.from_env(timeout=120, environment={**os.environ, **host})
        try:
            yield Place(registry.address, at / "ca.pem", trust, engine, own)
        finally:
            _forget(engine, registry.address)
            engine.close()


def rounds(seeds: Sequence[int], place: Place, jobs: int) -> Iterator[Round]:
    """Each round, `jobs` at a time, in the order of `seeds`.

    The moments lie within the time that a build takes when nothing else runs, and a tenth more.
    """
    span = 1.1 * duration(place)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda seed: play(seed, place, span), seeds)


def told(one: Round) -> str:
    """A round in a line, and what was wrong in further ones."""
    line = f"seed {one.seed:>4}  {one.seconds:5.2f} s  {one.whom:<7}  {one.stage:<10}"
    line += f"  {one.tags} tags"
    return "\n".join([line, *(f"  WRONG: {what}" for what in one.wrong)])


def table(done: Sequence[Round]) -> Iterator[str]:
    """How many were killed where, and the totals."""
    stages = Counter((one.stage, one.whom) for one in done)
    kinds = ("engine",) if done and done[0].whom == "engine" else ("process", "group")
    yield f"\n{'killed while':<14}" + "".join(f"{whom:>9}" for whom in kinds)
    for stage in sorted({one.stage for one in done}):
        yield f"{stage:<14}" + "".join(f"{stages[stage, whom]:>9}" for whom in kinds)
    yield f"\n{len(done)} kills, {len(done)} next runs"
    yield f"{sum(one.tags for one in done)} tags resolved after the kills"
    yield f"{sum(bool(one.wrong) for one in done)} rounds went wrong"


def _forget(engine: docker.DockerClient, address: str) -> None:
    """Remove the images of a registry that is no more from the engine.

    Several at once, as the engine collects its garbage after each, or after those that wait.
    """
    images = engine.images.list(filters={"reference": f"{address}/*/*"})

    def remove(tag: str) -> None:
        with suppress(docker.errors.APIError):
            engine.images.remove(tag)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, [tag for image in images for tag in image.tags]))
