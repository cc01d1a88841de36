"""Sockets of httpcore that carry large bodies with few calls and few copies.

httpcore reads 64 KiB at a time and copies what a send leaves over; each piece then takes its way
through h11 (`benchmarks.promote`, another registry: half of the processor's time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

LARGEST = 1 << 20
"""Bytes that are read at once where they keep coming. TLS hands out 16 KiB at most."""


class Backend(httpcore.SyncBackend):
    """httpcore's own, with a `Stream` for each connection."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. Raises httpcore's errors."""
        return Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class Stream(httpcore.NetworkStream):
    """Reads twice as much after each read that came back full, up to `LARGEST`."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._size = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come; it may be more than `max_bytes`, which is taken for the least to ask."""
        wanted = max(self._size, max_bytes)
        data = self._inner.read(wanted, timeout)
        self._size = min(2 * wanted, LARGEST) if len(data) == wanted else max_bytes
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all; `timeout` is for each part that the socket takes."""
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
        """Begin TLS. Raises httpcore's errors."""
        return Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks its sockets."""
        return self._inner.get_extra_info(info)
