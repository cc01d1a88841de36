"""Recognize transient failures of a solve: of a registry, the network or BuildKit. Pure.

BuildKit itself repeats its own pushes after some of these (`util/resolver/retryhandler`). An engine
that pushes for it (the driver `docker`) does not, and neither repeats the lookup of an image's
metadata.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .progress import Progress

_RUN = "process "
"""The beginning of the error of a user's command: it quotes the command, whatever that says."""

_TRANSIENT = re.compile(
    r"unexpected (?:HTTP )?status\b[^\n]*: (?:408|5\d\d)\b"
    r"|connection reset by peer|broken pipe|\bEOF$|i/o timeout|TLS handshake timeout"
    r"|connection timed out|server sent GOAWAY"
    r"|: server misbehaving\b|temporary failure in name resolution"
    # Another run links the same blob at this moment: see `_may_be_stored_later` in `registry`.
    r"|\bmanifest blob unknown\b|\bblob unknown to registry\b"
    # The same, where the engine says no more of the response than its status.
    r"|unexpected status from PUT request to \S+/manifests/\S+: 400\b",
    re.IGNORECASE,
)
"""Words of Go's `net`, and of the registry clients of containerd and the engine. Without 429: these
errors do not say how long to wait, and a few seconds would be too short.
"""
_LOST = re.compile(
    r"failed to stat active key during commit: snapshot \w+ does not exist: not found$"
)


def is_transient(error: str) -> bool:
    """Return whether another attempt a moment later may succeed."""
    return _says(_TRANSIENT, error) or is_lost_from_cache(error)


def is_lost_from_cache(error: str) -> bool:
    """Return whether BuildKit's cache names a step of a killed build that is gone (engine 26.1).

    It returns that step again and again: only a build without the cache gets past it.
    """
    return _says(_LOST, error)


def _says(what: re.Pattern[str], error: str) -> bool:
    return not error.startswith(_RUN) and what.search(error.strip()) is not None


def needs_no_cache(progress: Progress) -> bool:
    """Return whether a step failed that is lost from the cache."""
    return any(is_lost_from_cache(step.error) for step in progress.failures)


def transient_failure(progress: Progress) -> str:
    """Describe what failed in a solve, if every failure in it is transient; else return nothing."""
    failed = progress.failures
    if not failed or not all(is_transient(step.error) for step in failed):
        return ""
    names = {name: None for step in failed for name in progress.names.owners(step)}
    return f"{', '.join(f'`{name}`' for name in names)}: {failed[0].error}"
