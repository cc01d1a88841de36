"""The report of a run: one result per image and per app, the requests, the time."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ..errors import PipelineError
    from ..reference import Digest, ImageName, Reference


class ImageStatus(StrEnum):
    """How an image ended."""

    BUILT = "built"
    COPIED = "copied"
    EXISTS = "exists"
    FAILED = "failed"
    BLOCKED = "blocked"


class DeployStatus(StrEnum):
    """How an app ended."""

    DEPLOYED = "deployed"
    CURRENT = "current"
    HELD = "held"
    FAILED = "failed"
    BLOCKED = "blocked"
    ROLLED_BACK = "rolled-back"


class Failure(Struct, frozen=True):
    """What failed: a step of a build, a test, a health check.

    `location` is `file:line:column` of the Dockerfile if it is known, `excerpt` the lines of
    its instruction, `log` the last lines of output of the failing step, `log_file` the path of the
    whole log of its image, `hint` what to do.
    """

    step: str
    message: str
    location: str = ""
    excerpt: str = ""
    log: tuple[str, ...] = ()
    hint: str = ""
    log_file: str = ""


class Times(Struct, frozen=True):
    """How many seconds an image spent on what: copying, building, its test, pushing, publishing.

    A part lasts until the next one begins, so that all of them are the time from start to end.
    """

    copy: float = 0.0
    build: float = 0.0
    test: float = 0.0
    push: float = 0.0
    publish: float = 0.0

    @property
    def total(self) -> float:
        """All seconds together."""
        return self.copy + self.build + self.test + self.push + self.publish


class ImageResult(Struct, frozen=True):
    """How one image ended, and why. `seconds` are the total of its `times`.

    `unaccounted` is what BuildKit read for it that is not in its fingerprint
    (`buildkit.provenance`).
    """

    name: ImageName
    status: ImageStatus
    reference: Reference
    reason: str
    digest: Digest | None = None
    seconds: float = 0.0
    failure: Failure | None = None
    unaccounted: tuple[str, ...] = ()
    times: Times = Times()


class DeployResult(Struct, frozen=True):
    """How one app ended. `release` is the driver's name for what it runs, `url` its address.

    `deliberate` means that a held app was rolled back on purpose, so that nothing failed.
    """

    app: str
    image: ImageName
    status: DeployStatus
    reason: str
    release: str = ""
    url: str = ""
    seconds: float = 0.0
    failure: Failure | None = None
    deliberate: bool = False


class Report(Struct, frozen=True):
    """The whole run.

    `requests` counts the requests to registries. `interrupted` means that the user stopped the run,
    so that the rest was not tried. `trouble` is the message of the error that ended the run early
    (a lost engine, a registry that refuses), `hint` what to do, and `error` the error itself: a
    `FaultError` for a fault of ours, which is here and not raised, so that the results are known.
    `logs` is the folder with the whole log of each image, empty if none was kept.
    """

    images: tuple[ImageResult, ...]
    deploys: tuple[DeployResult, ...] = ()
    requests: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    trouble: str = ""
    hint: str = ""
    error: PipelineError | None = None
    logs: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything that the user wanted was not done."""
        bad = {ImageStatus.FAILED, ImageStatus.BLOCKED}
        bad_deploys = {DeployStatus.FAILED, DeployStatus.BLOCKED, DeployStatus.ROLLED_BACK}
        return (
            any(i.status in bad for i in self.images)
            or any(d.status in bad_deploys for d in self.deploys)
            or any(d.status is DeployStatus.HELD and not d.deliberate for d in self.deploys)
        )

    @property
    def ok(self) -> bool:
        """Whether all that was wanted is done: nothing failed, and nothing is left."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 done, 1 the work failed, 3 a fault of ours, 4 could not find out, 130 interrupted."""
        code = self.error.exit_code if self.error else 4
        if self.interrupted and code != 3:
            return 130
        if self.trouble:
            return code
        return 1 if self.failed else 0
