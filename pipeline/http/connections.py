"""Connections to any number of servers, kept open for the next request.

httpx is left out: its models of a request and a response take as long again as the exchange, which
decides how fast thousands of requests at once are (`benchmarks.exists`).
"""

from __future__ import annotations

import os
import time
from base64 import b64encode
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from .errors import HttpError
from .exchange import Connection, UnsupportedAddressError, read_target
from .proxies import proxies as proxies_of
from .sockets import Proxy, ProxyFailedError, connect
from .timeouts import Timeouts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from .exchange import Body, Received, Target
    from .failures import Hints
    from .proxies import NamedProxy
    from .retry import Policy
    from .sockets import Forbidden

IDLE = 50
"""Connections to one address that are kept open while idle, for `_IDLE_SECONDS`."""
_IDLE_SECONDS = 5.0
_RESERVED = "%!#$&'()*+,/:;=?@[]~"
"""What an address may hold as it is (RFC 3986); all else is percent-encoded."""
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fly-image-pipeline"}


class _Via(Struct, frozen=True):
    """The proxy that a connection goes through, and what it is sent."""

    proxy: Proxy
    target: Target
    authorization: Mapping[str, str]


class _Idle(Struct, frozen=True):
    """A connection that waits for the next request, and since when (`time.monotonic`)."""

    connection: Connection
    since: float


class Connections:
    """Connections over the TLS `context` to any address, with the timeouts of `policy`.

    Thread-safe. It follows no redirect and knows neither cookies nor credentials. With `proxies`,
    `HTTPS_PROXY`, `NO_PROXY` and their like apply. Where no proxy does, `forbidden` returns why an
    address must not be connected to, or "". `hints` go into the errors of failed exchanges.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        proxies: bool,
        policy: Policy,
        forbidden: Forbidden | None = None,
        hints: Hints | None = None,
    ) -> None:
        self.policy = policy
        self.forbidden = forbidden
        self.hints = hints or {}
        self._context = context
        self._proxies = proxies
        self._lock = Lock()
        self._ways: dict[str, _Via | None] = {}
        self._idle: dict[str, list[_Idle]] = {}
        self._busy: set[Connection] = set()
        self._closed = False

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Body = None,
        timeouts: Timeouts | None = None,
    ) -> Iterator[Received]:
        """Send a request; yield its response, whose body has yet to be read.

        Raises what `failures.BROKEN` has.
        """
        target = read_target(quote(url, safe=_RESERVED))
        timeouts = timeouts or Timeouts(self.policy)
        via = self._via(target)
        headers = {"Host": target.authority, **_HEADERS, **headers}
        path = target.path
        if via and not via.proxy.tunnels:
            path, headers = target.origin + path, {**via.authorization, **headers}
        connection = self._take(target.origin) or self._open(target, via, timeouts)
        finished = False
        try:
            self._use(connection)
            received = connection.exchange(method, path, headers, body, timeouts)
            timeouts.head_is_here()
            yield received
            finished = connection.finish()
        finally:
            self._release(target.origin, connection, finished=finished)

    def forwarder(self, url: str) -> str:
        """Return the proxy that forwards a request, and may answer it itself; "" for a tunnel."""
        parts = urlsplit(url)
        via = self._ways.get(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        return via.proxy.address if via and not via.proxy.tunnels else ""

    def close(self) -> None:
        """Close all connections. A request that is under way in another thread fails."""
        with self._lock:
            self._closed = True
            idle = [one for some in self._idle.values() for one in some]
            self._idle.clear()
            for connection in self._busy:
                connection.abort()
        for one in idle:
            one.connection.close()

    def _via(self, target: Target) -> _Via | None:
        with self._lock:
            if target.origin not in self._ways:
                named = proxies_of(os.environ).before(f"{target.origin}/")
                found = _read_proxy(named, target.scheme) if named and self._proxies else None
                self._ways[target.origin] = found
            return self._ways[target.origin]

    def _open(self, target: Target, via: _Via | None, timeouts: Timeouts) -> Connection:
        """Connect to a host, or to the proxy before it. Raises what `failures.BROKEN` has."""
        first, proxy = (via.target, via.proxy) if via else (target, None)
        forbidden = None if via else self.forbidden
        stream = connect(first.host, first.port, timeouts, proxy=proxy, forbidden=forbidden)
        if first.scheme == "https":
            stream = stream.start_tls(self._context, first.host, timeouts)
        if via and via.proxy.tunnels:
            try:
                _ask_for_tunnel(Connection(stream), target, via, timeouts)
            except BaseException:
                stream.close()
                raise
            stream = stream.start_tls(self._context, target.host, timeouts)
        return Connection(stream)

    def _take(self, origin: str) -> Connection | None:
        """Return a connection that is idle, and that its server has not closed."""
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                if not idle:
                    return None
                one = idle.pop()
            if time.monotonic() - one.since < _IDLE_SECONDS and not one.connection.has_more():
                return one.connection
            one.connection.close()

    def _use(self, connection: Connection) -> None:
        with self._lock:
            self._busy.add(connection)
            if self._closed:
                connection.abort()

    def _release(self, origin: str, connection: Connection, *, finished: bool) -> None:
        """Keep a connection for the next request if that is possible, else close it."""
        with self._lock:
            self._busy.discard(connection)
            idle = self._idle.setdefault(origin, [])
            kept = finished and not self._closed and len(idle) < IDLE
            if kept:
                idle.append(_Idle(connection, time.monotonic()))
        if not kept:
            connection.close()


def _ask_for_tunnel(connection: Connection, target: Target, via: _Via, timeouts: Timeouts) -> None:
    """Ask a proxy to connect to a host. Raises `ProxyFailedError` and what an exchange raises."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    where = f"{host}:{target.port}"
    headers = {"Host": where, "Accept": "*/*", **via.authorization}
    answer = connection.exchange("CONNECT", where, headers, None, timeouts)
    if not 200 <= answer.status < 300:
        raise ProxyFailedError(via.proxy, f"{answer.status} {answer.reason}")


def _read_proxy(named: NamedProxy, scheme: str) -> _Via:
    """Read the address of a proxy. Raises `HttpError` for one that cannot be used."""
    try:
        target = read_target(quote(named.whole, safe=_RESERVED))
        parts = urlsplit(named.whole)
        usable = target.port != 0
    except (UnsupportedAddressError, ValueError):
        usable = False
    if not usable:
        raise HttpError(
            f"the proxy that the environment names in {named.variable} cannot be used",
            hint=f"{named.variable} wants an address such as `http://proxy.example.com:3128`; "
            "SOCKS is not supported",
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    login = b64encode(f"{user}:{password}".encode()).decode()
    authorization = {"Proxy-Authorization": f"Basic {login}"} if user or password else {}
    secure = target.scheme == "https"
    proxy = Proxy(named.address, named.variable, tunnels=scheme == "https", secure=secure)
    return _Via(proxy, target, authorization)
