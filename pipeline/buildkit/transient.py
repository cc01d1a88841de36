"""Failures of a solve that may pass: a registry, a network or BuildKit failed for a moment. Pure.

BuildKit repeats what its own pushes meet of these (`util/resolver/retryhandler`). An engine that
pushes for it (the driver `docker`) does not, and neither looks up an image's metadata again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .progress import Progress

_RUN = "process "
"""How the error of a command of the user's begins: it quotes the command, whatever that says."""

_PASSING = re.compile(
    r"unexpected (?:HTTP )?status\b[^\n]*: (?:408|5\d\d)\b"
    r"|connection reset by peer|broken pipe|\bEOF$|i/o timeout|TLS handshake timeout"
    r"|connection timed out|server sent GOAWAY"
    r"|: server misbehaving\b|temporary failure in name resolution",
    re.IGNORECASE,
)
"""Words of Go's `net`, of containerd's and the engine's registry clients. Not 429: who is told to
wait is not told for how long, and a few seconds are not it."""
_LOST = re.compile(
    r"failed to stat active key during commit: snapshot \w+ does not exist: not found$"
)


def is_transient(error: str) -> bool:
    """Whether trying again a moment later may end better."""
    return _says(_PASSING, error) or is_lost_from_cache(error)


def is_lost_from_cache(error: str) -> bool:
    """Whether BuildKit's cache holds a step of a killed build that is not there (engine 26.1).

    It gives that step out again and again: only a build without the cache gets past it.
    """
    return _says(_LOST, error)


def _says(what: re.Pattern[str], error: str) -> bool:
    return not error.startswith(_RUN) and what.search(error.strip()) is not None


def needs_no_cache(progress: Progress) -> bool:
    """Whether a step failed that the cache has lost."""
    return any(is_lost_from_cache(step.error) for step in progress.failures)


def transient_failure(progress: Progress) -> str:
    """What failed in a solve, if every failure in it may pass; else nothing."""
    failed = progress.failures
    if not failed or not all(is_transient(step.error) for step in failed):
        return ""
    names = {name: None for step in failed for name in progress.names.owners(step)}
    return f"{', '.join(f'`{name}`' for name in names)}: {failed[0].error}"
