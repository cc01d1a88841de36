"""Errors of the Machines API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fly.http_server import HttpRequest


class RefusedError(Exception):
    """`{"error": TEXT, "status": CODE}` with an HTTP status.

    Codes: `unknown`, `insufficient_capacity`, `name_taken` (superfly/fly-go `flaps_error.go`).
    """

    def __init__(self, status: int, text: str, code: str = "unknown") -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def not_answered(request: HttpRequest) -> RefusedError:
    """Return the error of a request that no command of flyctl which we know sends."""
    return RefusedError(501, f"the fake Fly does not answer {request.method} {request.target}")
