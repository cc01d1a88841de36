"""A fake clock: sleeping moves its time forward and returns at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class FakeClock:
    """A clock that only `sleep` moves. It starts at the machine's time, which sockets use, too."""

    slept: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Return the start time plus all time slept."""
        return self.began + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Add to the time slept, without waiting."""
        self.slept.append(seconds)
