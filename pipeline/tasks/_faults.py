"""A fault of ours, told so that it can be reported: with its lines, and without a secret."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

FAULT = 3


def tell_fault(error: Exception) -> None:
    """Say on stderr what happened, without secrets; never raise, whatever comes in between."""
    try:
        text = _traceback(error)
    except Exception as second:  # noqa: BLE001 - what cannot be masked is not shown
        both = f"`{type(error).__name__}`, and then `{type(second).__name__}`"
        text = f"{both}: as secrets could not be looked for, no more of it is shown"
    lines = (
        text,
        "error: this is a fault in Fly Image Pipeline, not in your project",
        "hint: please report it, with the lines above",
    )
    try:
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 - a task's words
    except Exception:  # noqa: BLE001 - then without Python's streams
        with suppress(OSError):
            os.write(2, "\n".join(("", *lines[1:], "")).encode())


def _traceback(error: Exception) -> str:
    import traceback  # noqa: PLC0415 - only when there is one

    from ..model.masking import masker  # noqa: PLC0415
    from ..model.sanitize import harmless  # noqa: PLC0415
    from ..registry.auth.keychain import known_secrets  # noqa: PLC0415

    mask = masker(known_secrets(os.environ))
    return harmless(mask("".join(traceback.format_exception(error))).rstrip())
