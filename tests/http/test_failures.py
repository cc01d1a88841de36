"""The message of a failed exchange."""

from __future__ import annotations

import socket

import pytest

from pipeline.http.errors import Cause
from pipeline.http.failures import explain


@pytest.mark.parametrize(
    ("code", "transient"),
    [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False), (socket.EAI_FAIL, False)],
)
def test_a_name_that_cannot_be_resolved(code: int, *, transient: bool) -> None:
    """A temporary failure of DNS is retried, an unknown name is not."""
    error = explain(
        socket.gaierror(code, "no address"), "https://host.test:5000/a?token=secret", {}
    )

    assert error.details.transient is transient
    assert error.message == "no answer from `host.test:5000`: its name cannot be resolved"
    assert error.url == "https://host.test:5000/a"


def test_hints_of_the_caller_come_first() -> None:
    """The caller's hints are more specific than the general ones."""
    refused = ConnectionRefusedError("connection refused")

    ours = explain(refused, "", {Cause.NETWORK: "is the toaster on?"}, "toaster")
    general = explain(refused, "", {Cause.TLS: "does it speak TLS?"}, "toaster")

    assert ours.message == general.message == "no answer from `toaster`: connection refused"
    assert ours.hint == "is the toaster on?"
    assert general.hint.startswith("is the address right, is the server running")
