"""The error of the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox lacks something: `message` says what, `hint` what to do.

    The command line prints both and exits with 4, "could not find out".
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})"
