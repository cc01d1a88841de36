"""Wait until a container is well: it runs, and answers as its checks ask."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import httpcore
import httpx

from ...http import tls
from ...http.backoff import Policy
from ...http.exchange import Exchange
from ...http.streams import Backend

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Mapping

    from docker.models.containers import Container

    from .proxy_tcp import Address
    from .service import Group, Health

_STEADY = 1.0
_CONNECT = 2.0
_SILENCE = 0.2
_PAUSE = 0.2
_BROKEN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    UnicodeError,
)


def wait_healthy(
    container: Container,
    group: Group,
    addresses: Mapping[int, Address],
    patience: float,
    stop: threading.Event,
) -> str:
    """Wait until all checks pass; what is wrong where they do not, empty when all is well.

    `addresses` says where each published port answers; `patience` is seconds. A container that
    ends is given up at once, not when its time is over; so is any when `stop` is set.
    """
    if not group.published:
        return _steady(container, stop)
    end = time.monotonic() + patience
    trouble = "it was not asked"
    while time.monotonic() < end and not stop.is_set():
        if ended := _ended(container):
            return ended
        trouble = ask_all(group, addresses)
        if not trouble:
            return ""
        stop.wait(min((check.interval for check in group.health), default=_PAUSE))
    if stop.is_set():
        return "interrupted before it was healthy"
    return f"not healthy within {patience:g} s: {trouble}"


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


def ask_all(group: Group, addresses: Mapping[int, Address]) -> str:
    """Ask each check of a group once, or each port where it has none; the first trouble."""
    if not group.health:
        ports = (_connect(port.number, addresses, _CONNECT) for port in group.ports)
        return next((trouble for trouble in ports if trouble), "")
    return next((trouble for check in group.health if (trouble := _ask(check, addresses))), "")


def _ask(check: Health, addresses: Mapping[int, Address]) -> str:
    if not check.path:
        return _connect(check.port, addresses, check.timeout)
    try:
        status = status_of(check, addresses[check.port])
    except CheckError as error:
        return f"{check.path} does not answer: {error}"
    return "" if 200 <= status < 300 else f"{check.path} answers {status}"


def _connect(port: int, addresses: Mapping[int, Address], timeout: float) -> str:
    """Connect, and see that it stays so.

    The engine's own proxy takes a connection for any published port, and closes it at once where
    nothing in the container listens.
    """
    try:
        line = socket.create_connection(addresses[port], timeout)
    except OSError as error:
        return f"port {port} does not answer: {error}"
    with line:
        line.settimeout(_SILENCE)
        try:
            return "" if line.recv(1) else f"port {port} closes each connection"
        except TimeoutError:
            # Silence is what most servers keep until they are asked.
            return ""
        except OSError as error:
            return f"port {port} does not answer: {error}"


class CheckError(Exception):
    """There is no answer; the text says why."""


class Bounded(httpx.BaseTransport):
    """A transport of httpx over sockets that end with an `Exchange`, which is its timeout.

    httpx's own has timeouts for each read alone. Raises httpcore's errors.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(context, network_backend=Backend())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, and give its answer's head."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, extensions=request.extensions
        )
        answer = self._pool.handle_request(asked)
        return httpx.Response(answer.status, headers=answer.headers)

    def close(self) -> None:
        """Close the connection, whatever is still coming."""
        self._pool.close()


def status_of(check: Health, address: Address) -> int:
    """The status that is answered to a check, by no proxy. Raises `CheckError`."""
    host, port = address
    context = tls.Trust().context("") if check.tls and check.verify else tls.unverified()
    bounds = Policy(connect=check.timeout, read=check.timeout)
    exchange = Exchange(bounds, until=time.monotonic() + check.timeout)
    extensions: dict[str, object] = {
        "timeout": dict.fromkeys(("connect", "read", "write"), exchange),
        **({"sni_hostname": check.server_name} if check.server_name else {}),
    }
    url = f"{'https' if check.tls else 'http'}://{host}:{port}{check.path}"
    try:
        with httpx.Client(transport=Bounded(context), trust_env=False) as client:
            headers = {"user-agent": "fly-image-pipeline", **check.headers}
            return client.request(
                check.method, url, headers=headers, extensions=extensions
            ).status_code
    except _BROKEN as error:
        raise CheckError(str(error)) from None
