"""Print an unexpected error so that users can report it: with its traceback, without secrets."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

from ..model.masking import masker
from ..model.sanitize import harmless

FAULT = 3


def print_fault(error: Exception) -> None:
    """Print an unexpected error to stderr, without secrets. Never raises."""
    try:
        text = _traceback(error)
    except Exception as second:  # noqa: BLE001 - what cannot be masked must not be shown
        both = f"`{type(error).__name__}`, and then `{type(second).__name__}`"
        text = f"{both}: the rest is not shown, as it could not be searched for secrets"
    lines = (
        text,
        "error: this is a bug in Fly Image Pipeline, not in your project",
        "hint: please report it, with the lines above",
    )
    try:
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 - a task's words
    except Exception:  # noqa: BLE001 - Python's streams may be broken
        with suppress(OSError):
            os.write(2, "\n".join(("", *lines[1:], "")).encode())


def _traceback(error: Exception) -> str:
    from ..registry.auth.keychain import known_secrets

    mask = masker(known_secrets(os.environ))
    return harmless(mask("".join(traceback.format_exception(error))).rstrip())
