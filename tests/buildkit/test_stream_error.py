"""Errors in the stream of a push or pull, which the docker package does not raise."""

from __future__ import annotations

import pytest

from pipeline.buildkit.push import stream_error


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"errorDetail": {"message": "denied"}, "error": "short"}, "denied"),
        ({"errorDetail": {"message": ""}, "error": "short"}, "short"),
        ({"errorDetail": "denied", "error": "short"}, "short"),
        ({"error": "short"}, "short"),
        ({"status": "Pushed"}, ""),
    ],
)
def test_the_error_detail_has_priority(line: dict[str, object], error: str) -> None:
    """`errorDetail` has priority over `error`; a line without an error gives none."""
    assert stream_error(line) == error
