"""What the look-up of a host's name came to: trouble that may pass, and a name that is none."""

from __future__ import annotations

import socket

import pytest

from pipeline.http.wire import unreachable


@pytest.mark.parametrize(
    ("code", "passing"),
    [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False), (socket.EAI_FAIL, False)],
)
def test_a_name_that_cannot_be_resolved(code: int, *, passing: bool) -> None:
    """A name server that fails for a moment is asked again; one that knows no such name is not."""
    error = unreachable(socket.gaierror(code, "no address"), "registry.test:5000")

    assert error.facts.passing is passing
    assert error.message == "no answer from `registry.test:5000`: its name cannot be resolved"
