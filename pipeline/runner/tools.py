"""What a run works with: handed down once, from the top."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.events import Event, Reporter
    from ..model.report import DeployResult, ImageResult
    from ..reference import ImageName
    from ..registry.auth.credential import CredentialSource
    from ..registry.client import Registry


class Ends(Struct, frozen=True):
    """How images and apps ended so far: what stays known, whatever ends the run."""

    images: dict[ImageName, ImageResult] = field(default_factory=dict)
    deploys: dict[str, DeployResult] = field(default_factory=dict)


class Tools(Struct, frozen=True):
    """The registry client, who we are there, the environment, who listens, the wish to stop.

    `keep_going` and `rollback` are what to do after a failure: see `pipeline.run`. `mark` is in
    the tags that no other run uses: see `buildkit.staging`.
    """

    registry: Registry
    credentials: CredentialSource
    environ: Mapping[str, str]
    report: Reporter
    stop: threading.Event
    keep_going: bool = False
    rollback: bool = False
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    ends: Ends = field(default_factory=Ends)


class Listener:
    """A reporter that is told of events from many threads one by one, and that stops no work.

    `error` is the first that it raised: what is under way is finished all the same.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def __call__(self, event: Event, /) -> None:
        """Tell of an event."""
        with self._lock:
            try:
                self._report(event)
            except Exception as error:  # noqa: BLE001 - it is somebody's callback
                self.error = self.error or error
