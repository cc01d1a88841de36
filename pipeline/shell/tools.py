"""What a run works with: handed down once, from the top."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.core.events import Event, Reporter
    from pipeline.edge.registry import CredentialSource, Registry


@dataclass(frozen=True, slots=True)
class Tools:
    """The registry client, who we are there, the environment, who listens, the wish to stop.

    `keep_going` and `rollback` are what to do after a failure: see `pipeline.run`. `mark` is in
    the tags that no other run uses: see `pipeline.core.staging`.
    """

    registry: Registry
    credentials: CredentialSource
    environ: Mapping[str, str]
    report: Reporter
    stop: threading.Event
    keep_going: bool = False
    rollback: bool = False
    mark: str = field(default_factory=lambda: secrets.token_hex(4))


def one_at_a_time(report: Reporter) -> Reporter:
    """A reporter that is told of events from many threads one by one."""
    lock = threading.Lock()

    def locked(event: Event, /) -> None:
        with lock:
            report(event)

    return locked
