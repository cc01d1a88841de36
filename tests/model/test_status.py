"""The state of an app, from the answers of registry and driver."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.errors import UnknownError
from pipeline.model.apps import App, Running
from pipeline.model.presence import Absent, Present
from pipeline.model.stamp import Stamp, left_behind
from pipeline.model.status import AppState, judge
from pipeline.reference import Digest, ImageName, parse_reference

OLD, NEW, OTHER = (Digest(f"sha256:{number * 64}") for number in "123")
LOST = UnknownError("nobody answers")


LEFT = Stamp("", OLD, "3", back=True, left=left_behind(None, NEW))
ROLLED_BACK = Running(OLD, "3", stamp=LEFT)


@pytest.mark.parametrize(
    ("presence", "now", "state"),
    [
        (Present(NEW), Running(NEW), AppState.CURRENT),
        (Present(NEW), Running(OLD), AppState.OUTDATED),
        (Present(NEW), Running(NEW, differs=("`[env] A`",)), AppState.OUTDATED),
        (Absent(), Running(OLD), AppState.OUTDATED),
        (Present(NEW), Running(NEW, healthy=False), AppState.UNHEALTHY),
        (LOST, Running(NEW, healthy=False), AppState.UNHEALTHY),
        (Present(NEW), ROLLED_BACK, AppState.HELD),
        (Present(OTHER), ROLLED_BACK, AppState.OUTDATED),
        (Present(NEW), replace(ROLLED_BACK, healthy=False), AppState.UNHEALTHY),
        (LOST, None, AppState.MISSING),
        (LOST, Running(NEW), AppState.UNKNOWN),
        (Present(NEW), LOST, AppState.UNKNOWN),
    ],
)
def test_states(
    presence: Present | Absent | UnknownError,
    now: Running | UnknownError | None,
    state: AppState,
) -> None:
    """A missing answer makes only those states unknown that depend on it."""
    app = App("web-1", ImageName("web"))

    status = judge(app, parse_reference("registry.fly.io/web:1"), presence, now)

    assert status.state is state
    assert status.reason
    assert status.digest == (presence.digest if isinstance(presence, Present) else None)
    assert status.now == (None if isinstance(now, UnknownError) else now)
