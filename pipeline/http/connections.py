"""Pools of HTTP connections, by httpcore, which is what httpx itself sends with.

httpx is left out: its models of a request and a response take as long again as the exchange, which
decides how fast thousands of requests at once are (`benchmarks.exists`).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import httpcore

from .errors import HttpError
from .proxies import proxies as proxies_of
from .sockets import Backend, Proxy, ProxyFailedError
from .timeouts import Timeouts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from urllib.parse import SplitResult

    from .addresses import Address
    from .failures import Hints
    from .proxies import NamedProxy
    from .retry import Policy

    Headers = list[tuple[str, str]]

IDLE = 50
"""Connections to one address that are kept open while idle, for `_IDLE_SECONDS`."""
_IDLE_SECONDS = 5.0
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods that have a `Content-Length` even without a body: servers refuse them otherwise."""
_RESERVED = "%!#$&'()*+,/:;=?@[]~"
"""What an address may hold as it is (RFC 3986); all else is percent-encoded."""
_TRAILING = attrgetter("stream._stream._connection._h11_state.trailing_data")
"""The bytes that came after a response, in httpcore's own objects: there is no public way."""
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fly-image-pipeline"}


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
        forbidden: Callable[[Address], str] | None = None,
        hints: Hints | None = None,
    ) -> None:
        self.policy = policy
        self.forbidden = forbidden
        self.hints = hints or {}
        self._context = context
        self._proxies = proxies
        self._lock = Lock()
        self._pools: dict[tuple[str, str], tuple[httpcore.ConnectionPool, Proxy | None]] = {}

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        timeouts: Timeouts | None = None,
    ) -> Iterator[httpcore.Response]:
        """Send a request; yield its response, whose body has yet to be read.

        Raises httpcore's errors; `UnsupportedProtocol` is for what is not a web address.
        """
        address = urlsplit(quote(url, safe=_RESERVED))
        host = address.netloc.rpartition("@")[2]
        pool, proxy = self._pool(address.scheme, host)
        timeouts = timeouts or Timeouts(self.policy)
        request = httpcore.Request(
            method,
            _target(address),
            headers=_headers(method, host, headers, body),
            content=body,
            # httpcore hands them on to the sockets, which are ours (`Stream`), as they are.
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), timeouts)},
        )
        try:
            response = pool.handle_request(request)
        except httpcore.ProxyError as error:
            if proxy is None or isinstance(error, ProxyFailedError):
                raise
            raise ProxyFailedError(proxy, str(error)) from None
        timeouts.head_is_here()
        try:
            yield response
        finally:
            if not _is_whole(response):
                response.extensions["network_stream"].close()
            response.close()

    def forwarder(self, url: str) -> str:
        """Return the proxy that forwards a request, and may answer it itself; "" for a tunnel."""
        parts = urlsplit(url)
        _, proxy = self._pools.get((parts.scheme, parts.netloc.rpartition("@")[2]), (None, None))
        return proxy.address if proxy and not proxy.tunnels else ""

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            pools = tuple(self._pools.values())
        for pool, _ in pools:
            pool.close()

    def _pool(self, scheme: str, netloc: str) -> tuple[httpcore.ConnectionPool, Proxy | None]:
        with self._lock:
            if (scheme, netloc) not in self._pools:
                named = proxies_of(os.environ).before(f"{scheme}://{netloc}/")
                usable = _usable(named) if named and self._proxies else None
                proxy = _proxy(named, usable, scheme) if named and usable else None
                pool = httpcore.ConnectionPool(
                    self._context,
                    proxy=usable,
                    max_connections=None,
                    max_keepalive_connections=IDLE,
                    keepalive_expiry=_IDLE_SECONDS,
                    network_backend=Backend(proxy, None if proxy else self.forbidden),
                )
                self._pools[scheme, netloc] = pool, proxy
            return self._pools[scheme, netloc]


def _is_whole(response: httpcore.Response) -> bool:
    """Return whether nothing came after a response, as a body after that of a HEAD.

    Else the connection would be kept, and the rest be read as the response to the next request.
    """
    try:
        rest, _ = _TRAILING(response)
    except AttributeError:  # another httpcore: then no connection is used twice
        return False
    return not rest


def _target(address: SplitResult) -> httpcore.URL:
    try:
        port = address.port
    except ValueError:  # not a port
        raise httpcore.UnsupportedProtocol("no web address") from None
    path = address.path or "/"
    return httpcore.URL(
        scheme=address.scheme,
        host=address.hostname or "",
        port=port,
        target=f"{path}?{address.query}" if address.query else path,
    )


def _headers(
    method: str,
    host: str,
    given: Mapping[str, str],
    body: bytes | Iterable[bytes] | None,
) -> Headers:
    """Return all headers of a request; the length of a streamed body is among those `given`."""
    headers = {"Host": host, **_HEADERS, **given}
    if isinstance(body, bytes) or (body is None and method in _WITH_BODY):
        headers["Content-Length"] = str(len(body or b""))
    return list(headers.items())


def _proxy(named: NamedProxy, usable: httpcore.Proxy, scheme: str) -> Proxy:
    secure = usable.url.scheme == b"https"
    return Proxy(named.address, named.variable, tunnels=scheme == "https", secure=secure)


def _usable(named: NamedProxy) -> httpcore.Proxy:
    """Read the address of a proxy. Raises `HttpError` for one that cannot be used."""
    try:
        parts = urlsplit(named.whole)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # not a port
        usable = False
    if not usable:
        raise HttpError(
            f"the proxy that the environment names in {named.variable} cannot be used",
            hint=f"{named.variable} wants an address such as `http://proxy.example.com:3128`; "
            "SOCKS is not supported",
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    auth = (user.encode(), password.encode()) if user or password else None
    return httpcore.Proxy(quote(named.whole, safe=_RESERVED), auth=auth)
