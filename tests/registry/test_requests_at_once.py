"""How many requests are sent at once: as many as the latency makes worthwhile."""

from __future__ import annotations

import threading
import time
from itertools import count

from pipeline.model.presence import Absent
from pipeline.reference import parse_reference
from pipeline.registry.client import MOST_AT_ONCE, Registry
from tests.support.scripted_server import GONE, Reply, Request, scripted_server


def test_a_far_registry_gets_fifty_at_once() -> None:
    """After a first response that took 50 ms, no response comes before fifty requests are there."""
    numbers, together = count(), threading.Barrier(MOST_AT_ONCE)

    def script(_: Request) -> Reply:
        if next(numbers) == 0:
            time.sleep(0.05)
        else:
            together.wait(60)
        return GONE

    with scripted_server(script) as server, Registry() as registry:
        wanted = [parse_reference(f"{server.address}/a:{n}") for n in range(MOST_AT_ONCE + 1)]

        assert set(registry.head_all(wanted).values()) == {Absent()}
