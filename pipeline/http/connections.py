"""Connections to registries, kept and given out by httpcore, which is what httpx sends with.

httpx itself is not between: its models of a request and an answer take as long again as the
exchange, which is what bounds thousands of questions at once (`benchmarks.exists`).
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
from .exchange import Exchange
from .proxies import proxies as proxies_of
from .streams import Backend, ProxyTroubleError, Way

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from urllib.parse import SplitResult

    from .addresses import Address
    from .backoff import Policy
    from .proxies import Named

    Headers = list[tuple[str, str]]

_KEPT = 32
"""Idle connections that are kept per address, for `_IDLE` seconds."""
_IDLE = 5.0
_BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose body has a length even where there is none: servers refuse them without."""
_RESERVED = "%!#$&'()*+,/:;=?@[]~"
"""What an address may hold as it is (RFC 3986); all else is quoted."""
_REST = attrgetter("stream._stream._connection._h11_state.trailing_data")
"""What came behind an answer, in httpcore's own objects: there is no other way to it."""
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fly-image-pipeline"}


class Connections:
    """Connections over `context` to any address, within the bounds of `policy`. Thread-safe.

    No redirect is followed, no cookie and no credential known. `proxies` honours `HTTPS_PROXY`,
    `NO_PROXY` and their like; without one, `wrong_with` says why an address is not connected to.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        proxies: bool,
        policy: Policy,
        wrong_with: Callable[[Address], str] | None = None,
    ) -> None:
        self.wrong_with = wrong_with
        self._context = context
        self._proxies = proxies
        self.policy = policy
        self._lock = Lock()
        self._pools: dict[tuple[str, str], tuple[httpcore.ConnectionPool, Way | None]] = {}

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        exchange: Exchange | None = None,
    ) -> Iterator[httpcore.Response]:
        """An answer whose body is yet to be read, in the time that `exchange` has.

        Raises httpcore's errors; that is `UnsupportedProtocol` for an address that is none.
        """
        address = urlsplit(quote(url, safe=_RESERVED))
        host = address.netloc.rpartition("@")[2]
        pool, way = self._pool(address.scheme, host)
        exchange = exchange or Exchange(self.policy)
        request = httpcore.Request(
            method,
            _target(address),
            headers=_headers(method, host, headers, body),
            content=body,
            # httpcore hands them on to the sockets, which are ours (`Stream`), as they are.
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), exchange)},
        )
        try:
            answer = pool.handle_request(request)
        except httpcore.ProxyError as error:
            if way is None or isinstance(error, ProxyTroubleError):
                raise
            raise ProxyTroubleError(way, str(error)) from None
        exchange.head_is_here()
        try:
            yield answer
        finally:
            if not _is_all(answer):
                answer.extensions["network_stream"].close()
            answer.close()

    def forwarder(self, url: str) -> str:
        """The proxy that passes a request on, and may answer it itself; nothing for a tunnel."""
        parts = urlsplit(url)
        _, way = self._pools.get((parts.scheme, parts.netloc.rpartition("@")[2]), (None, None))
        return way.address if way and not way.tunnels else ""

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            pools = tuple(self._pools.values())
        for pool, _ in pools:
            pool.close()

    def _pool(self, scheme: str, netloc: str) -> tuple[httpcore.ConnectionPool, Way | None]:
        with self._lock:
            if (scheme, netloc) not in self._pools:
                named = proxies_of(os.environ).before(f"{scheme}://{netloc}/")
                proxy = _usable(named) if named and self._proxies else None
                way = _way(named, proxy, scheme) if named and proxy else None
                pool = httpcore.ConnectionPool(
                    self._context,
                    proxy=proxy,
                    max_connections=None,
                    max_keepalive_connections=_KEPT,
                    keepalive_expiry=_IDLE,
                    network_backend=Backend(way, None if way else self.wrong_with),
                )
                self._pools[scheme, netloc] = pool, way
            return self._pools[scheme, netloc]


def _is_all(answer: httpcore.Response) -> bool:
    """Whether nothing came behind an answer, as a body behind that of a HEAD.

    The connection would be kept, and the rest be taken for the answer to what is asked next.
    """
    try:
        rest, _ = _REST(answer)
    except AttributeError:  # another httpcore: then no connection is used twice
        return False
    return not rest


def _target(address: SplitResult) -> httpcore.URL:
    try:
        port = address.port
    except ValueError:  # a port that is none
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
    asked: Mapping[str, str],
    body: bytes | Iterable[bytes] | None,
) -> Headers:
    """All headers of a request; a body that comes in pieces has its length among `asked`."""
    headers = {"Host": host, **_HEADERS, **asked}
    if isinstance(body, bytes) or (body is None and method in _BODIES):
        headers["Content-Length"] = str(len(body or b""))
    return list(headers.items())


def _way(named: Named, proxy: httpcore.Proxy, scheme: str) -> Way:
    secure = proxy.url.scheme == b"https"
    return Way(named.address, named.variable, tunnels=scheme == "https", secure=secure)


def _usable(named: Named) -> httpcore.Proxy:
    """A proxy that the environment names. Raises `HttpError` for one that cannot be used."""
    try:
        parts = urlsplit(named.whole)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none
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
