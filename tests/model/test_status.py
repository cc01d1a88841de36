"""The state of an app, from the answers of registry and driver."""

from __future__ import annotations

import pytest

from pipeline.errors import UnknownError
from pipeline.model.apps import App, Running
from pipeline.model.presence import Absent, Present
from pipeline.model.status import AppState, judge
from pipeline.reference import Digest, ImageName, parse_reference

OLD, NEW = Digest(f"sha256:{1:064x}"), Digest(f"sha256:{2:064x}")
LOST = UnknownError("nobody answers")


@pytest.mark.parametrize(
    ("presence", "now", "state"),
    [
        (Present(NEW), Running(NEW), AppState.CURRENT),
        (Present(NEW), Running(OLD), AppState.OUTDATED),
        (Present(NEW), Running(NEW, differs=("`[env] A`",)), AppState.OUTDATED),
        (Absent(), Running(OLD), AppState.OUTDATED),
        (Present(NEW), Running(NEW, healthy=False), AppState.UNHEALTHY),
        (LOST, Running(NEW, healthy=False), AppState.UNHEALTHY),
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
    assert status.digest == (NEW if isinstance(presence, Present) else None)
    assert status.now == (None if isinstance(now, UnknownError) else now)
