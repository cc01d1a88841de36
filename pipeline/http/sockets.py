"""Sockets for httpcore: they move large bodies with few calls, and keep to `Timeouts`.

httpcore reads 64 KiB at a time, and copies what a send did not take; each piece then goes through
h11, which is half of the processor's time of a large copy (`benchmarks.promote`). Its own timeouts
are for each read and write, so what comes byte by byte never ends.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING, Any, NoReturn

import httpcore
from msgspec import Struct
from msgspec.structs import replace

from .addresses import encoded, is_private
from .memory_tls import MemoryTls
from .timeouts import EndlessHeadError, Timeouts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from .addresses import Address

LARGEST = 1 << 20
"""Bytes that are read at once where they keep coming. TLS returns 16 KiB at most."""
_PROXY_READ = 1 << 16
"""Bytes that are read at once of a proxy's response to `CONNECT`."""
_ADDRESSES = 3
"""How many times `Policy.connect` may be spent on the addresses of one name."""

INSIDE = "inside"
"""What `Stream.get_extra_info` is asked for: whether the address is in a private network."""

_LOST = (httpcore.NetworkError, httpcore.TimeoutException)


class Proxy(Struct, frozen=True):
    """A proxy: host and port, and the environment `variable` that names it.

    It `tunnels` what is TLS, and forwards what is not. `secure`: it speaks TLS itself.
    """

    address: str
    variable: str
    tunnels: bool
    secure: bool = False


class ProxyFailedError(httpcore.ProxyError):
    """The proxy does not answer, or it refuses, and then `said` why."""

    def __init__(self, proxy: Proxy, said: str = "") -> None:
        super().__init__(said)
        self.proxy = proxy
        self.said = said


class ForbiddenAddressError(httpcore.ConnectError):
    """A name resolves to an address that is forbidden; the text goes on after the name."""


class Backend(httpcore.SyncBackend):
    """Open connections as httpcore does, each as a `Stream`.

    `proxy` is the proxy that is connected to, if there is one. `forbidden` returns why an address
    must not be connected to, or "". It sees the very addresses that are connected to: a name may
    resolve to others each time that it is looked up.
    """

    def __init__(
        self, proxy: Proxy | None = None, forbidden: Callable[[Address], str] | None = None
    ) -> None:
        self._proxy = proxy
        self._forbidden = forbidden

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: object = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers. Raises httpcore's errors."""
        proxy, timeouts = self._proxy, _timeouts(timeout)
        end = time.monotonic() + _ADDRESSES * timeouts.to_connect()
        lost: Exception = httpcore.ConnectTimeout("timed out")
        try:
            for address in self._addresses(host, port):
                left = min(timeouts.to_connect(), end - time.monotonic())
                if left <= 0:
                    break
                try:
                    # httpcore hands it to `getaddrinfo` as it is.
                    name: Any = encoded(address)
                    made = super().connect_tcp(name, port, left, local_address, socket_options)
                except _LOST as error:
                    lost = error
                else:
                    # Of a forwarding proxy, nobody knows whether it failed or who is behind it.
                    talks = proxy if proxy and (proxy.tunnels or proxy.secure) else None
                    inside = proxy is None and is_private(ipaddress.ip_address(address))
                    return Stream(made, talks, inside=inside)
            raise lost
        except _LOST as error:
            if proxy is None or isinstance(error, ForbiddenAddressError):
                raise
            raise ProxyFailedError(proxy) from error

    def _addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host. Raises httpcore's errors, also where one address is forbidden."""
        try:
            found = socket.getaddrinfo(encoded(host), port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        known = [str(entry[4][0]) for entry in found]
        for address in known if self._forbidden else ():
            if self._forbidden and (why := self._forbidden(ipaddress.ip_address(address))):
                raise ForbiddenAddressError(f"is at {address}, {why}")
        return known


class Stream(httpcore.NetworkStream):
    """Read twice as much of a body after each read that came back full, up to `LARGEST`.

    `proxy` is the one that is spoken to until TLS begins with the host behind it; `inside` says
    that the connection leads to an address of a private network.
    """

    def __init__(
        self,
        inner: httpcore.NetworkStream,
        proxy: Proxy | None = None,
        line: MemoryTls | None = None,
        *,
        inside: bool = False,
    ) -> None:
        self._inside = inside
        self._inner = inner
        self._proxy = proxy
        self._line: socket.socket | MemoryTls = line or inner.get_extra_info("socket")
        self._size = 0

    def read(self, max_bytes: int, timeout: object = None) -> bytes:
        """Return what has come; of a body, that may be more than `max_bytes`."""
        timeouts = _timeouts(timeout)
        if self._proxy:
            return self._read_from_proxy(self._proxy, timeouts)
        wanted = max(self._size, max_bytes) if timeouts.has_head else max_bytes
        data = self._read(wanted, timeouts)
        self._size = min(2 * wanted, LARGEST) if len(data) == wanted else max_bytes
        return data

    def write(self, buffer: bytes, timeout: object = None) -> None:
        """Write all."""
        timeouts = _timeouts(timeout)
        # A view is sliced without a copy of the rest.
        rest = memoryview(buffer)
        while rest:
            began = time.monotonic()
            self._line.settimeout(timeouts.to_write())
            try:
                sent = self._line.send(rest)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error
            timeouts.wrote(sent, time.monotonic() - began)
            rest = rest[sent:]

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: object = None,
    ) -> httpcore.NetworkStream:
        """Begin TLS, first with the proxy where it speaks TLS. Raises httpcore's errors."""
        proxy, left = self._proxy, _timeouts(timeout).to_connect()
        try:
            # Behind a proxy it was not looked up; `ssl` would leak the socket over a wrong name.
            (server_hostname or "").encode("idna")
        except UnicodeError as error:
            self.close()
            raise httpcore.ConnectError(str(error)) from error
        if self._inner.get_extra_info("ssl_object"):
            return Stream(self._inner, line=self._within(ssl_context, server_hostname, left))
        try:
            made = self._inner.start_tls(ssl_context, server_hostname, left)
        except _LOST as error:
            if proxy is None or not proxy.secure:
                raise
            raise ProxyFailedError(proxy) from error
        secured = proxy and proxy.secure and proxy.tunnels
        talks = replace(proxy, secure=False) if proxy and secured else None
        return Stream(made, talks, inside=self._inside)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks its sockets for, or what `INSIDE` asks for."""
        if info == INSIDE:
            return self._inside
        if info == "is_readable" and isinstance(self._line, MemoryTls) and self._line.holds_more:
            return True
        if info == "ssl_object" and isinstance(self._line, MemoryTls):
            return self._line.session
        return self._inner.get_extra_info(info)

    def _within(self, context: ssl.SSLContext, hostname: str | None, left: float) -> MemoryTls:
        """Begin TLS inside that of the proxy."""
        try:
            return MemoryTls(self._inner.get_extra_info("socket"), context, hostname, left)
        except OSError as error:
            self.close()
            late = isinstance(error, TimeoutError)
            made = httpcore.ConnectTimeout if late else httpcore.ConnectError
            raise made(str(error)) from error

    def _read(self, wanted: int, timeouts: Timeouts) -> bytes:
        began = time.monotonic()
        self._line.settimeout(timeouts.to_read())
        try:
            data = self._line.recv(wanted)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        timeouts.read(len(data), time.monotonic() - began)
        return data

    def _read_from_proxy(self, proxy: Proxy, timeouts: Timeouts) -> bytes:
        """Read the response to `CONNECT`."""
        try:
            return self._read(_PROXY_READ, timeouts) or _closed()
        except (*_LOST, EndlessHeadError) as error:
            raise ProxyFailedError(proxy) from error


def _timeouts(timeout: object) -> Timeouts:
    """Return what `Connections` gave httpcore as a timeout, which httpcore hands on as it is."""
    if not isinstance(timeout, Timeouts):
        raise TypeError("a socket needs `Timeouts`")
    return timeout


def _closed() -> NoReturn:
    raise httpcore.ReadError("it closed the connection")
