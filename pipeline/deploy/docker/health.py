"""Wait until a container is healthy: it runs, and passes its checks."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import h11
import httpx

from ...http import tls
from ...http.exchange import Connection
from ...http.retry import Policy
from ...http.sockets import connect
from ...http.timeouts import Timeouts
from ...process.wait import wait_until
from .containers import exit_code

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Callable, Mapping

    from docker.models.containers import Container

    from .proxy_tcp import SocketAddress
    from .service import Group, Health

_STEADY = 1.0
_CONNECT = 2.0
_SILENCE = 0.2
_PAUSE = 0.2
_SOON = 1.0
"""Seconds after which a check that got no connection is tried again, and a container looked at."""
_ANSWERS = " answers "
_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    h11.ProtocolError,
    OSError,
    UnicodeError,
)


class Rounds:
    """Run the checks of a group again and again, each no more often than its interval.

    A check that got no connection is tried again after a second at most: most apps need a few to
    begin to listen. `clock` returns seconds.
    """

    def __init__(
        self,
        group: Group,
        addresses: Mapping[int, SocketAddress],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group, self._addresses, self._clock = group, addresses, clock
        self._known: dict[int, tuple[float, str]] = {}

    def failure(self, *, last: bool = False) -> str:
        """Run the checks that are due; return the first failure of all, empty if all pass.

        All are due in the last round: a failure is not judged by an old answer.
        """
        if last:
            self._known.clear()
        if not self._group.health:
            return run_checks(self._group, self._addresses)
        return next(filter(None, map(self._of, range(len(self._group.health)))), "")

    def _of(self, index: int) -> str:
        due, failed = self._known.get(index, (0.0, ""))
        if index in self._known and self._clock() < due:
            return failed
        check = self._group.health[index]
        failed = _run(check, self._addresses)
        pause = check.interval if not failed or _ANSWERS in failed else min(check.interval, _SOON)
        self._known[index] = self._clock() + pause, failed
        return failed


def wait_healthy(
    container: Container,
    group: Group,
    addresses: Mapping[int, SocketAddress],
    patience: float,
    stop: threading.Event,
    tell: Callable[[str], None] = lambda _failed: None,
) -> str:
    """Wait until all checks pass; return why they do not, empty if they do.

    `addresses` has the published address of each port; `patience` is in seconds. It returns early
    if the container ends or `stop` is set. `tell` is called with what fails, after each look.
    """
    if not group.published:
        # A worker that listens on nothing is healthy if it still runs after a moment.
        stop.wait(_STEADY)
        return _ended(container)
    rounds, began = Rounds(group, addresses), time.monotonic()

    def look() -> tuple[str, str]:
        """Return how the container ended, else the first check that fails."""
        if ended := _ended(container):
            return ended, ""
        spent = time.monotonic() - began
        if failed := rounds.failure(last=spent >= patience):
            tell(f"{failed}, {spent:.0f} of {patience:g} s")
        return "", failed

    ended, failed = wait_until(
        look,
        lambda found: bool(found[0]) or not found[1],
        timeout=patience,
        stop=stop,
        pause=min((_SOON, *(check.interval for check in group.health))) if group.health else _PAUSE,
    )
    if ended or not failed:
        return ended
    if stop.is_set():
        return "interrupted before it was healthy"
    return f"not healthy within {patience:g} s: {failed}"


def _ended(container: Container) -> str:
    code = exit_code(container)
    return "" if code is None else f"it ended with exit code {code}"


def run_checks(group: Group, addresses: Mapping[int, SocketAddress]) -> str:
    """Run each check of a group once; return the first failure, empty if all pass.

    A group without checks passes if each of its ports accepts a connection.
    """
    if not group.health:
        ports = (_connect(port.number, addresses, _CONNECT) for port in group.ports)
        return next((failure for failure in ports if failure), "")
    return next((failed for check in group.health if (failed := _run(check, addresses))), "")


def _run(check: Health, addresses: Mapping[int, SocketAddress]) -> str:
    if not check.path:
        return _connect(check.port, addresses, check.timeout)
    try:
        status = _status(check, addresses[check.port])
    except _FAILURES as error:
        return f"{check.path} does not answer: {error}"
    return "" if 200 <= status < 300 else f"{check.path}{_ANSWERS}{status}"


def _connect(port: int, addresses: Mapping[int, SocketAddress], timeout: float) -> str:
    """Connect to a port; return why that fails, empty if the connection stays open.

    The engine's own proxy accepts connections for any published port, and closes each at once if
    nothing in the container listens.
    """
    try:
        connection = socket.create_connection(addresses[port], timeout)
    except OSError as error:
        return f"port {port} does not answer: {error}"
    with connection:
        connection.settimeout(_SILENCE)
        try:
            return "" if connection.recv(1) else f"port {port} closes each connection"
        except TimeoutError:
            # Most servers send nothing before they receive something.
            return ""
        except OSError as error:
            return f"port {port} does not answer: {error}"


def _status(check: Health, address: SocketAddress) -> int:
    """Send the request of an HTTP check, without a proxy, and return the status of the response.

    The whole exchange ends after the timeout of the check, and the body is not read: an app that
    responds byte by byte, or without end, delays nobody. Raises one of `_FAILURES`.
    """
    host, port = address
    context = tls.system_trust() if check.tls and check.verify else tls.unverified()
    bounds = Policy(connect=check.timeout, read=check.timeout)
    timeouts = Timeouts(bounds, until=time.monotonic() + check.timeout)
    url = f"{'https' if check.tls else 'http'}://{host}:{port}{check.path}"
    transport = _DeadlineTransport(context, check.server_name, timeouts)
    with httpx.Client(transport=transport, trust_env=False) as client:
        headers = {"user-agent": "fly-image-pipeline", **check.headers}
        return client.request(check.method, url, headers=headers).status_code


class _DeadlineTransport(httpx.BaseTransport):
    """A transport for httpx whose whole exchange keeps to `timeouts`.

    httpx's own transport has a timeout for each read alone. Raises `OSError` and
    `h11.ProtocolError`.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str, timeouts: Timeouts) -> None:
        self._context, self._server_name, self._timeouts = context, server_name, timeouts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body, and return its response, whose body is not read."""
        url, timeouts = request.url, self._timeouts
        stream = connect(url.host, url.port or (443 if url.scheme == "https" else 80), timeouts)
        try:
            if url.scheme == "https":
                stream = stream.start_tls(self._context, self._server_name or url.host, timeouts)
            target, headers = url.raw_path.decode("ascii"), dict(request.headers)
            received = Connection(stream).exchange(request.method, target, headers, None, timeouts)
        finally:
            stream.close()
        return httpx.Response(received.status)
