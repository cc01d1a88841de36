"""Notice a builder that cannot be started, or cannot reach a registry on this machine. Pure.

A builder of the driver `docker-container` or `kubernetes` is in a network of its own. There,
127.0.0.1 is the builder itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import UnknownError
from ..reference import is_loopback_host
from .steps import is_cancelled

if TYPE_CHECKING:
    from .progress import Progress

_REFUSED = re.compile(
    r'\b(?:Head|Get|Post|Put|Patch) "https?://(?P<host>[^/"]+)/v2/[^"]*": '
    r"dial tcp \S+ connect: connection refused\s*$"
)
_COMMAND = "process "
"""The beginning of the error of a user's command, which may say anything."""

_START = (
    "`docker buildx inspect --bootstrap` tries it alone; without Docker Hub, make the builder with"
    " `--driver-opt image=` and an image of BuildKit that the engine can pull"
)
_HOST_NETWORK = 'network="host"'
_ISOLATED = frozenset({"docker-container", "kubernetes", "cloud"})
_THERE = "in a network of its own, 127.0.0.1 is the builder itself"
_NAME = (
    "give the registry a name that both reach; for one without TLS or with a certificate of your"
    " own, the builder needs `http`, `insecure` or `ca` in its `buildkitd.toml`"
)
_CREATE = (
    "make the builder with `docker buildx create --driver docker-container --driver-opt"
    f" network=host`, or {_NAME}"
)


def builder_fault(progress: Progress) -> UnknownError | None:
    """Return the error for a solve that failed because of its builder, not of an image."""
    return _not_started(progress) or _refused_registry(progress)


def _not_started(progress: Progress) -> UnknownError | None:
    """Return the error for a builder of the driver `docker-container` that does not start."""
    error = progress.boot.error if progress.boot else ""
    if not error or is_cancelled(error):
        return None
    why = " ".join(error.split())
    return UnknownError(f"the builder could not be started: {why}", hint=_START)


def _refused_registry(progress: Progress) -> UnknownError | None:
    """Return the error for a solve that failed only because the builder reached no registry here.

    The pipeline itself reached that registry before the solve.
    """
    hosts = [_refused(step.error) for step in progress.failures]
    if not hosts or not all(hosts):
        return None
    message = f"the builder cannot reach the registry `{hosts[0]}`: connection refused"
    return UnknownError(message, hint=f"{_THERE}; {_CREATE}")


def unreachable_registry(driver: str, options: str, host: str) -> UnknownError | None:
    """Return the error for a builder that will not reach the registry `host`.

    `driver` and `options` are the `Driver` and the `Driver Options` that `docker buildx inspect`
    prints. Of a `remote` builder nobody knows where it runs.
    """
    if driver not in _ISOLATED or _HOST_NETWORK in options or not is_loopback_host(host):
        return None
    message = (
        f"the builder (driver {driver}) is in a network of its own, and cannot reach the registry"
        f" `{host}`"
    )
    remedy = _CREATE if driver == "docker-container" else _NAME
    return UnknownError(message, hint=f"{_THERE}; {remedy}")


def _refused(error: str) -> str:
    """Return the registry on this machine that refused a connection, if the error says so."""
    found = None if error.startswith(_COMMAND) else _REFUSED.search(error)
    return found["host"] if found and is_loopback_host(found["host"]) else ""
