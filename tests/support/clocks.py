"""A clock on which time passes only by waiting, and then at once: no test waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class QuickClock:
    """Stands still but for what is slept. It begins at the machine's time, as sockets know it."""

    slept: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """The beginning, and all that was slept."""
        return self.began + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
