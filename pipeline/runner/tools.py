"""What all steps of a run share, and the record of how images and apps ended."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from ..model.events import AppChanged, ImageChanged, Phase
from ..model.past import past
from ..model.report import DeployStatus, ImageResult, ImageStatus
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..model.actions import ImageAction
    from ..model.events import Event, Reporter
    from ..model.report import DeployResult, Failure
    from ..reference import Digest, ImageName
    from ..registry.auth.credential import CredentialSource
    from ..registry.client import Registry


class Results(Struct, frozen=True):
    """How images and apps have ended so far, by name. It stays true whatever ends the run."""

    images: dict[ImageName, ImageResult] = field(default_factory=dict)
    apps: dict[str, DeployResult] = field(default_factory=dict)

    def failed_images(self) -> tuple[ImageName, ...]:
        """Name the images that failed."""
        return tuple(n for n, r in self.images.items() if r.status is ImageStatus.FAILED)


class Tools(Struct, frozen=True):
    """The registry client, credentials, environment, reporter, stop event and results of a run.

    `keep_going` and `rollback` say what to do after a failure (`runner.run`). `mark` is in the tags
    that no other run uses (`buildkit.staging`). `stopwatch` has seen all events,
    and `log_of` names the file with an image's whole log.
    """

    registry: Registry
    credentials: CredentialSource
    environ: Mapping[str, str]
    report: Reporter
    stop: threading.Event
    keep_going: bool = False
    rollback: bool = False
    mark: str = field(default_factory=lambda: os.urandom(4).hex())
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    log_of: Callable[[ImageName], str] = lambda _: ""
    results: Results = field(default_factory=Results)

    def end_image(
        self,
        action: ImageAction,
        status: ImageStatus,
        reason: str,
        digest: Digest | None = None,
        *,
        failure: Failure | None = None,
    ) -> None:
        """Report how an image ended, and record it."""
        times = self.stopwatch.times(action.name)
        if failure and (file := self.log_of(action.name)):
            failure = replace(failure, log_file=file)
        if status in {ImageStatus.BUILT, ImageStatus.COPIED}:
            reason = past(reason)
        self.report(ImageChanged(action.name, Phase(status.value), reason, times.total))
        self.results.images[action.name] = ImageResult(
            action.name,
            status,
            action.reference,
            reason,
            digest,
            times.total,
            failure,
            times=times,
        )

    def fail_image(self, action: ImageAction, failure: Failure) -> None:
        """Report that an image failed, and record it."""
        self.end_image(action, ImageStatus.FAILED, failure.message, failure=failure)

    def end_app(self, result: DeployResult) -> None:
        """Report how an app ended, and record it."""
        if result.status is DeployStatus.DEPLOYED:
            result = replace(result, reason=past(result.reason))
        self.report(AppChanged(result.app, result.status.value, result.reason, result.seconds))
        self.results.apps[result.app] = result


class Listener:
    """Pass events on to observers and a reporter one by one; what it raises stops no work.

    `error` is the first error that the reporter raised.
    """

    def __init__(self, report: Reporter, *observers: Callable[[Event], None]) -> None:
        self._report = report
        self._observers = observers
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def __call__(self, event: Event, /) -> None:
        """Pass an event on."""
        with self._lock:
            for observe in self._observers:
                observe(event)
            try:
                self._report(event)
            except Exception as error:  # noqa: BLE001 - it is the caller's callback
                self.error = self.error or error
