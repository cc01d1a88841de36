"""Wait until a container is well: it runs, and answers as its checks ask."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from docker.models.containers import Container

    from pipeline.edge.deploy.service import Health, Service

_STEADY = 1.0
_CONNECT = 2.0


def wait_healthy(
    container: Container,
    service: Service,
    address: tuple[str, int] | None,
    stop: threading.Event,
) -> str:
    """Wait until all checks pass; what is wrong where they do not, empty when all is well.

    A container that ends is given up at once, not when its time is over; so is any when `stop`
    is set.
    """
    if address is None:
        return _steady(container, stop)
    checks = service.health
    end = time.monotonic() + service.patience
    trouble = "it was not asked"
    while time.monotonic() < end and not stop.is_set():
        if ended := _ended(container):
            return ended
        trouble = _ask_all(checks, address)
        if not trouble:
            return ""
        stop.wait(min((check.interval for check in checks), default=0.2))
    if stop.is_set():
        return "interrupted before it was healthy"
    return f"not healthy within {service.patience:g} s: {trouble}"


def _steady(container: Container, stop: threading.Event) -> str:
    """A worker that listens on nothing is well when it still runs after a moment."""
    stop.wait(_STEADY)
    return _ended(container)


def _ended(container: Container) -> str:
    container.reload()
    state = container.attrs["State"]
    if state["Status"] in {"running", "created"}:
        return ""
    return f"it ended with exit code {state['ExitCode']}"


def _ask_all(checks: tuple[Health, ...], address: tuple[str, int]) -> str:
    if not checks:
        return _connect(address, _CONNECT)
    return next((trouble for check in checks if (trouble := _ask(check, address))), "")


def _ask(check: Health, address: tuple[str, int]) -> str:
    if not check.path:
        return _connect(address, check.timeout)
    import httpx  # noqa: PLC0415 - costs 60 ms

    url = f"http://{address[0]}:{address[1]}{check.path}"
    try:
        answer = httpx.request(
            check.method, url, headers=dict(check.headers), timeout=check.timeout, trust_env=False
        )
    except httpx.HTTPError as error:
        return f"{check.path} does not answer: {error}"
    return "" if answer.is_success else f"{check.path} answers {answer.status_code}"


def _connect(address: tuple[str, int], timeout: float) -> str:
    try:
        socket.create_connection(address, timeout).close()
    except OSError as error:
        return f"port {address[1]} does not answer: {error}"
    return ""
