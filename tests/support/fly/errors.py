"""Errors of the Machines API."""

from __future__ import annotations


class RefusedError(Exception):
    """`{"error": TEXT, "status": CODE}` with an HTTP status.

    Codes: `unknown`, `insufficient_capacity`, `name_taken` (superfly/fly-go `flaps_error.go`).
    """

    def __init__(self, status: int, text: str, code: str = "unknown") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
