"""What all steps of a run share, and the record of how images and apps ended."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..model.events import AppChanged, ImageChanged, Phase
from ..model.report import ImageResult, ImageStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    that no other run uses (`buildkit.staging`).
    """

    registry: Registry
    credentials: CredentialSource
    environ: Mapping[str, str]
    report: Reporter
    stop: threading.Event
    keep_going: bool = False
    rollback: bool = False
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    results: Results = field(default_factory=Results)

    def end_image(
        self,
        action: ImageAction,
        status: ImageStatus,
        reason: str,
        digest: Digest | None = None,
        *,
        seconds: float = 0.0,
        failure: Failure | None = None,
    ) -> None:
        """Report how an image ended, and record it."""
        self.report(ImageChanged(action.name, Phase(status.value), reason, seconds))
        self.results.images[action.name] = ImageResult(
            action.name, status, action.reference, reason, digest, seconds, failure
        )

    def fail_image(self, action: ImageAction, failure: Failure, seconds: float = 0.0) -> None:
        """Report that an image failed, and record it."""
        status = ImageStatus.FAILED
        self.end_image(action, status, failure.message, seconds=seconds, failure=failure)

    def end_app(self, result: DeployResult) -> None:
        """Report how an app ended, and record it."""
        self.report(AppChanged(result.app, result.status.value, result.reason, result.seconds))
        self.results.apps[result.app] = result


class Listener:
    """Pass events on to a reporter one by one; what it raises stops no work.

    `error` is the first error that it raised.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def __call__(self, event: Event, /) -> None:
        """Pass an event on."""
        with self._lock:
            try:
                self._report(event)
            except Exception as error:  # noqa: BLE001 - it is the caller's callback
                self.error = self.error or error
