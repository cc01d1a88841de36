"""Sockets of httpcore that carry large bodies with few calls, and bear no head that trickles.

httpcore reads 64 KiB at a time and copies what a send leaves over; each piece then takes its way
through h11 (`benchmarks.promote`, another registry: half of the processor's time). Its timeout is
for each read: a head that comes byte by byte has no end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

LARGEST = 1 << 20
"""Bytes that are read at once where they keep coming. TLS hands out 16 KiB at most."""
_HEAD = 1 << 16
"""Bytes of an answer that must come in time: no head is longer."""


_LOST = (httpcore.NetworkError, httpcore.TimeoutException)


@dataclass(frozen=True, slots=True)
class Way:
    """The proxy before an address: host and port, and the `variable` that names it.

    It `tunnels` to what speaks TLS, and passes on what does not. It may be `secure` itself.
    """

    address: str
    variable: str
    tunnels: bool
    secure: bool = False


class ProxyTroubleError(httpcore.ProxyError):
    """It is the proxy that does not answer, or that refuses, then as `said`."""

    def __init__(self, way: Way, said: str = "") -> None:
        super().__init__(said)
        self.way = way
        self.said = said


class Backend(httpcore.SyncBackend):
    """httpcore's own, with a `Stream` for each connection.

    `patience` is how many seconds an answer's head may take from its first byte on; `way` the proxy
    that is connected to, where there is one.
    """

    def __init__(self, patience: float, way: Way | None = None) -> None:
        self._patience = patience
        self._way = way

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. Raises httpcore's errors."""
        way = self._way
        try:
            made = super().connect_tcp(host, port, timeout, local_address, socket_options)
        except _LOST as error:
            if way is None:
                raise
            raise ProxyTroubleError(way) from error
        # What a proxy passes on, it answers for as the registry would: who failed is not known.
        return Stream(made, self._patience, way if way and (way.tunnels or way.secure) else None)


class Stream(httpcore.NetworkStream):
    """Reads twice as much after each read that came back full, up to `LARGEST`.

    `way` is a proxy that is spoken to until TLS begins with whom it leads to.
    """

    def __init__(
        self, inner: httpcore.NetworkStream, patience: float, way: Way | None = None
    ) -> None:
        self._inner = inner
        self._patience = patience
        self._way = way
        self._size = 0
        self._begun = 0.0
        self._came = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come; it may be more than `max_bytes`, which is taken for the least to ask."""
        wanted = max(self._size, max_bytes)
        way = self._way
        data = self._heard(way, timeout) if way else self._inner.read(wanted, timeout)
        self._size = min(2 * wanted, LARGEST) if len(data) == wanted else max_bytes
        now = time.monotonic()
        self._begun = self._begun or now
        self._came += len(data)
        if self._came < _HEAD and now - self._begun > self._patience:
            raise httpcore.ReadTimeout("the answer trickles")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all; `timeout` is for each part that the socket takes."""
        self._begun, self._came = 0.0, 0
        # It is sent and sliced, and a view is sliced without a copy of the rest.
        self._inner.write(memoryview(buffer), timeout)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Begin TLS, with the proxy first where it speaks it. Raises httpcore's errors."""
        way = self._way
        if way is None or not way.secure:
            made = self._inner.start_tls(ssl_context, server_hostname, timeout)
            return Stream(made, self._patience)
        try:
            made = self._inner.start_tls(ssl_context, server_hostname, timeout)
        except _LOST as error:
            raise ProxyTroubleError(way) from error
        return Stream(made, self._patience, replace(way, secure=False) if way.tunnels else None)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks its sockets."""
        return self._inner.get_extra_info(info)

    def _heard(self, way: Way, timeout: float | None) -> bytes:
        """What a proxy says to the wish for a tunnel."""
        try:
            return _something(self._inner.read(_HEAD, timeout))
        except _LOST as error:
            raise ProxyTroubleError(way) from error


def _something(data: bytes) -> bytes:
    """What came. Raises `ReadError` where the other side has hung up."""
    if not data:
        raise httpcore.ReadError("it hung up")
    return data
