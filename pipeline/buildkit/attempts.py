"""What several attempts at one solve come to: what one of them pushed stays pushed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .outcome import Broken, Cancelled, exported
from .step_audit import unexplained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.report import Failure
    from ..reference import ImageName
    from .outcome import Outcome
    from .progress import Progress
    from .steps import Names


@dataclass(slots=True)
class Attempts:
    """What the attempts at a solve have told so far.

    `unexplained` are images in which a step ran that nobody asked for; `exported` those of which
    an attempt may have pushed something.
    """

    unexplained: dict[ImageName, Failure] = field(default_factory=dict)
    exported: set[ImageName] = field(default_factory=set)

    def take(self, progress: Progress) -> None:
        """Learn from an attempt that has ended."""
        self.unexplained |= unexplained(progress)
        self.exported |= exported(progress)

    def judge(
        self, outcomes: Mapping[ImageName, Outcome], names: Names
    ) -> dict[ImageName, Outcome]:
        """The outcomes, where nothing counts that is unexplained or stands on such."""
        return {name: self._judge(name, outcome, names) for name, outcome in outcomes.items()}

    def _judge(self, name: ImageName, outcome: Outcome, names: Names) -> Outcome:
        # It is also why a step fails that reads what nobody knew it would.
        if name in self.unexplained:
            return Broken(self.unexplained[name])
        if isinstance(outcome, Broken):
            return outcome
        if not names.ancestors[name].isdisjoint(self.unexplained):
            return Cancelled()
        return Cancelled(name in self.exported) if isinstance(outcome, Cancelled) else outcome
