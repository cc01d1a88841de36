"""Sockets of httpcore that carry large bodies with few calls, and wait no longer than is left.

httpcore reads 64 KiB at a time and copies what a send leaves over; each piece then takes its way
through h11 (`benchmarks.promote`, another registry: half of the processor's time). Its timeouts are
for each read and write: what comes byte by byte has no end. These ask an `Exchange`.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING, Any, NoReturn

import httpcore
from msgspec import Struct
from msgspec.structs import replace

from .addresses import is_private
from .exchange import EndlessHeadError, Exchange
from .memory_tls import MemoryTls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from .addresses import Address

LARGEST = 1 << 20
"""Bytes that are read at once where they keep coming. TLS hands out 16 KiB at most."""
_ANSWER = 1 << 16
"""Bytes that a proxy may say at once to the wish for a tunnel."""
_ADDRESSES = 3
"""How often the time to connect is given, where a name has several addresses."""

INSIDE = "inside"

_LOST = (httpcore.NetworkError, httpcore.TimeoutException)


class Way(Struct, frozen=True):
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


class ForbiddenAddressError(httpcore.ConnectError):
    """A name leads where we do not go; its text goes on after the name."""


class Backend(httpcore.SyncBackend):
    """httpcore's own, with a `Stream` for each connection.

    `way` is the proxy that is connected to, where there is one; `wrong_with` says why an address
    must not be, and is asked as it is: a name may lead elsewhere each time that it is looked up.
    """

    def __init__(
        self, way: Way | None = None, wrong_with: Callable[[Address], str] | None = None
    ) -> None:
        self._way = way
        self._wrong_with = wrong_with

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: object = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, at the first of the host's addresses that lets us. Raises httpcore's errors."""
        way, exchange = self._way, _exchange(timeout)
        end = time.monotonic() + _ADDRESSES * exchange.to_connect()
        lost: Exception = httpcore.ConnectTimeout("timed out")
        try:
            for address in self._addresses(host, port):
                left = min(exchange.to_connect(), end - time.monotonic())
                if left <= 0:
                    break
                try:
                    made = super().connect_tcp(address, port, left, local_address, socket_options)
                except _LOST as error:
                    lost = error
                else:
                    # What a proxy passes on, it answers for: who failed is not known.
                    talks = way if way and (way.tunnels or way.secure) else None
                    inside = way is None and is_private(ipaddress.ip_address(address))
                    return Stream(made, talks, inside=inside)
            raise lost
        except _LOST as error:
            if way is None or isinstance(error, ForbiddenAddressError):
                raise
            raise ProxyTroubleError(way) from error

    def _addresses(self, host: str, port: int) -> list[str]:
        """All addresses of a host. Raises httpcore's errors, where one may not be reached too."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        known = [str(entry[4][0]) for entry in found]
        for address in known if self._wrong_with else ():
            if self._wrong_with and (why := self._wrong_with(ipaddress.ip_address(address))):
                raise ForbiddenAddressError(f"is at {address}, {why}")
        return known


class Stream(httpcore.NetworkStream):
    """Reads twice as much of a body after each read that came back full, up to `LARGEST`.

    `way` is a proxy that is spoken to until TLS begins with whom it leads to; `inside` says that it
    leads to an address of a private network.
    """

    def __init__(
        self,
        inner: httpcore.NetworkStream,
        way: Way | None = None,
        line: MemoryTls | None = None,
        *,
        inside: bool = False,
    ) -> None:
        self._inside = inside
        self._inner = inner
        self._way = way
        self._line: socket.socket | MemoryTls = line or inner.get_extra_info("socket")
        self._size = 0

    def read(self, max_bytes: int, timeout: object = None) -> bytes:
        """What has come; it may be more than `max_bytes`, which is taken for the least to ask."""
        exchange = _exchange(timeout)
        if self._way:
            return self._heard(self._way, exchange)
        wanted = max(self._size, max_bytes) if exchange.has_head else max_bytes
        data = self._read(wanted, exchange)
        self._size = min(2 * wanted, LARGEST) if len(data) == wanted else max_bytes
        return data

    def write(self, buffer: bytes, timeout: object = None) -> None:
        """Write all."""
        exchange = _exchange(timeout)
        # A view is sliced without a copy of the rest.
        rest = memoryview(buffer)
        while rest:
            began = time.monotonic()
            self._line.settimeout(exchange.to_write())
            try:
                sent = self._line.send(rest)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error
            exchange.wrote(sent, time.monotonic() - began)
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
        """Begin TLS, with the proxy first where it speaks it. Raises httpcore's errors."""
        way, left = self._way, _exchange(timeout).to_connect()
        try:
            # Behind a proxy nobody has looked it up; `ssl` would lose the socket over a wrong one.
            (server_hostname or "").encode("idna")
        except UnicodeError as error:
            self.close()
            raise httpcore.ConnectError(str(error)) from error
        if self._inner.get_extra_info("ssl_object"):
            return Stream(self._inner, line=self._within(ssl_context, server_hostname, left))
        try:
            made = self._inner.start_tls(ssl_context, server_hostname, left)
        except _LOST as error:
            if way is None or not way.secure:
                raise
            raise ProxyTroubleError(way) from error
        secured = way and way.secure and way.tunnels
        talks = replace(way, secure=False) if way and secured else None
        return Stream(made, talks, inside=self._inside)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks its sockets, and whether they lead to a private network (`INSIDE`)."""
        if info == INSIDE:
            return self._inside
        if info == "is_readable" and isinstance(self._line, MemoryTls) and self._line.holds_more:
            return True
        if info == "ssl_object" and isinstance(self._line, MemoryTls):
            return self._line.session
        return self._inner.get_extra_info(info)

    def _within(self, context: ssl.SSLContext, hostname: str | None, left: float) -> MemoryTls:
        """TLS inside the proxy's."""
        try:
            return MemoryTls(self._inner.get_extra_info("socket"), context, hostname, left)
        except OSError as error:
            self.close()
            late = isinstance(error, TimeoutError)
            made = httpcore.ConnectTimeout if late else httpcore.ConnectError
            raise made(str(error)) from error

    def _read(self, wanted: int, exchange: Exchange) -> bytes:
        began = time.monotonic()
        self._line.settimeout(exchange.to_read())
        try:
            data = self._line.recv(wanted)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        exchange.read(len(data), time.monotonic() - began)
        return data

    def _heard(self, way: Way, exchange: Exchange) -> bytes:
        """What a proxy says to the wish for a tunnel."""
        try:
            return self._read(_ANSWER, exchange) or _hung_up()
        except (*_LOST, EndlessHeadError) as error:
            raise ProxyTroubleError(way) from error


def _exchange(timeout: object) -> Exchange:
    """What `Connections` gave httpcore for a timeout, and httpcore hands on as it is."""
    if not isinstance(timeout, Exchange):
        raise TypeError("a socket wants to know how long it may wait")
    return timeout


def _hung_up() -> NoReturn:
    raise httpcore.ReadError("it hung up")
