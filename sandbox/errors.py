"""What can stop a sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """Something is missing that the sandbox cannot provide: `message` says what, `hint` what to do.

    The command line prints both and leaves with exit code 4, "could not find out": nothing of the
    pipeline was judged.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})"
