"""Connections to registries, kept and given out by httpcore, which is what httpx sends with.

httpx itself is not between: its models of a request and an answer take as long again as the
exchange, which is what bounds thousands of questions at once (`benchmarks.exists`).
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore

from pipeline.edge.registry.errors import RegistryError
from pipeline.edge.registry.streams import Backend

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping
    from urllib.parse import SplitResult

    Headers = list[tuple[str, str]]

_KEPT = 32
"""Idle connections that are kept per address, for `_IDLE` seconds."""
_IDLE = 5.0
_BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose body has a length even where there is none: servers refuse them without."""
_RESERVED = "%!#$&'()*+,/:;=?@[]~"
"""What an address may hold as it is (RFC 3986); all else is quoted."""
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fly-image-pipeline"}


class Connections:
    """Connections over `context` to any address, `connect` and `read` in seconds. Thread-safe.

    No redirect is followed, no cookie and no credential known. `proxies` honours `HTTPS_PROXY`,
    `NO_PROXY` and their like, or what the system says instead.
    """

    def __init__(
        self, context: ssl.SSLContext, *, proxies: bool, connect: float, read: float
    ) -> None:
        self._context = context
        self._proxies = proxies
        self._connect = connect
        self._read = read
        self._lock = Lock()
        self._pools: dict[tuple[str, str], httpcore.ConnectionPool] = {}

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        read: float | None = None,
    ) -> Iterator[httpcore.Response]:
        """An answer whose body is yet to be read. `read` is in seconds, between two pieces.

        Raises httpcore's errors; that is `UnsupportedProtocol` for an address that is none.
        """
        address = urlsplit(quote(url, safe=_RESERVED))
        host = address.netloc.rpartition("@")[2]
        pool = self._pool(address.scheme, host)
        answer = pool.handle_request(
            httpcore.Request(
                method,
                _target(address),
                headers=_headers(method, host, headers, body),
                content=body,
                extensions={
                    "timeout": {
                        "connect": self._connect,
                        "read": read or self._read,
                        "write": self._read,
                    }
                },
            )
        )
        try:
            yield answer
        finally:
            answer.close()

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            pools = tuple(self._pools.values())
        for pool in pools:
            pool.close()

    def _pool(self, scheme: str, netloc: str) -> httpcore.ConnectionPool:
        with self._lock:
            if (scheme, netloc) not in self._pools:
                self._pools[scheme, netloc] = httpcore.ConnectionPool(
                    self._context,
                    proxy=_proxy(scheme, netloc) if self._proxies else None,
                    max_connections=None,
                    max_keepalive_connections=_KEPT,
                    keepalive_expiry=_IDLE,
                    network_backend=Backend(self._read),
                )
            return self._pools[scheme, netloc]


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


def _proxy(scheme: str, netloc: str) -> httpcore.Proxy | None:
    """The proxy before an address, as the environment or the system names it."""
    known = getproxies()
    named = known.get(scheme) or known.get("all")
    if not named or proxy_bypass(netloc):
        return None
    url = named if "://" in named else f"http://{named}"
    parts = urlsplit(url)
    try:
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none
        usable = False
    if not usable:
        raise RegistryError(
            "the proxy that the environment names cannot be used",
            hint="look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; SOCKS is not supported",
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    auth = (user.encode(), password.encode()) if user or password else None
    return httpcore.Proxy(quote(url, safe=_RESERVED), auth=auth)
