"""What a machine says of its health."""

from __future__ import annotations

import pytest

from pipeline.fly.values import machine_of

STANDBY = {"standbys": ["148e21"]}


@pytest.mark.parametrize(
    ("state", "config", "problem"),
    [
        ("started", {}, ""),
        ("stopped", {}, ""),
        ("created", STANDBY, ""),
        ("created", {}, "machine 3beb23 is created"),
        ("starting", STANDBY, "machine 3beb23 is starting"),
    ],
)
def test_a_standby_that_was_never_started_is_healthy(
    state: str, config: dict[str, object], problem: str
) -> None:
    """It was created with `skip_launch`; any other machine of a deploy must start."""
    assert machine_of({"id": "3beb23", "state": state, "config": config}).problem == problem
