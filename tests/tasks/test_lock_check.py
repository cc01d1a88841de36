"""The exit code of `lock --check`."""

from __future__ import annotations

import pytest

from pipeline.tasks._lock import _checked


@pytest.mark.parametrize(("changes", "code"), [(0, 0), (1, 5), (3, 5)])
def test_something_to_do_is_5(changes: int, code: int) -> None:
    """As for `plan --exit-code`: 1 is for work that failed."""
    assert _checked(changes, 4) == code
