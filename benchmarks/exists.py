"""Measure how long it takes to query 500 tags if each response takes 25 ms.

The lower bound is that of 50 connections: 10 rounds of 25 ms. Compared with a bare `http.client` on
as many connections, without credentials and without reading the responses, and with `crane digest`
and `docker manifest inspect`, 16 at once and one after the other. Ours and the bare client: best of
five, as other load can only make a run slower.
"""

# ruff: noqa: T201 - a command that prints its numbers

from __future__ import annotations

import http.client
import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

from benchmarks.images import push_image
from benchmarks.latency import delayed
from benchmarks.programs import crane, docker, run, seconds
from pipeline.model.presence import Present
from pipeline.reference import parse_reference
from pipeline.registry.client import MOST_AT_ONCE, Registry
from sandbox.registry import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.reference import Reference

TAGS, LATENCY, SLOW_TAGS = 500, 0.025, 50
PEERS_AT_ONCE = 16
"""Processes of a peer at once: two cores run no more of them any faster."""


def main() -> None:
    """Run all comparisons with one registry."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, serve(Path(folder)) as server:
        push_image(f"{server.address}/acme", [f"t{number}" for number in range(TAGS)])
        with delayed(server.address, LATENCY) as address:
            names = [f"{address}/acme:t{number}" for number in range(TAGS)]
            _ours([parse_reference(name) for name in names])
            _peer("crane digest", [crane(), "digest", "--insecure"], names)
            inspect = [docker(), "manifest", "inspect", "--insecure"]
            _peer("docker manifest inspect", inspect, names)


def _ours(references: Sequence[Reference]) -> None:
    bound = math.ceil(len(references) / MOST_AT_ONCE) * LATENCY
    ours = min(seconds(lambda: _ask(references)) for _ in range(5))
    bare = min(seconds(lambda: _ask_barely(references)) for _ in range(5))
    print(
        f"{TAGS} tags at {LATENCY * 1000:.0f} ms, {MOST_AT_ONCE} connections: bound {bound:.2f} s"
    )
    print(f"  ours {ours:.2f} s, {ours / bound:.2f} times the bound")
    print(f"  a bare client {bare:.2f} s, {bare / bound:.2f} times; ours {ours / bare:.2f} of it")


def _ask(references: Sequence[Reference]) -> None:
    with Registry() as registry:
        answers = registry.head_all(references)
    assert len(answers) == TAGS  # noqa: S101 - a benchmark of nothing proves nothing
    assert all(isinstance(answer, Present) for answer in answers.values())  # noqa: S101


def _ask_barely(references: Sequence[Reference]) -> None:
    kept = local()

    def ask(reference: Reference) -> int:
        if not hasattr(kept, "http"):
            kept.http = http.client.HTTPConnection(reference.repository.host)
        path = f"/v2/{reference.repository.path}/manifests/{reference.identifier}"
        kept.http.request("HEAD", path, headers={"Accept": "*/*, " + _TYPE})
        answer: http.client.HTTPResponse = kept.http.getresponse()
        answer.read()
        return answer.status

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        assert set(pool.map(ask, references)) == {200}  # noqa: S101


_TYPE = "application/vnd.oci.image.manifest.v1+json"


def _peer(name: str, command: Sequence[str], names: Sequence[str]) -> None:
    def at_once() -> None:
        with ThreadPoolExecutor(PEERS_AT_ONCE) as pool:
            list(pool.map(lambda one: run(*command, one), names))

    def one_by_one() -> None:
        for one in names[:SLOW_TAGS]:
            run(*command, one)

    loop = seconds(one_by_one) / SLOW_TAGS
    print(f"  {name}: {PEERS_AT_ONCE} at once {seconds(at_once):.1f} s, ", end="")
    print(f"one by one {loop:.2f} s each, which is {loop * TAGS:.0f} s")


if __name__ == "__main__":
    main()
