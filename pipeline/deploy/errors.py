"""The error of a deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..errors import WorkError

if TYPE_CHECKING:
    from ..model.report import Failure


class DeployError(WorkError):
    """The new release could not be started or is not healthy; the one before it still runs."""

    def __init__(self, failure: Failure, *, hint: str = "") -> None:
        super().__init__(failure.message, hint=hint)
        self.failure = replace(failure, hint=failure.hint or hint)
