"""Connections over TCP and TLS that move large bodies with few calls, and keep to `Timeouts`.

A read of a body asks for more and more, up to a MiB, and a write sends from a view: each piece of a
large copy goes through h11, which is half of its processor time (`benchmarks.promote`).
"""

from __future__ import annotations

import ipaddress
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from .addresses import encoded, is_private
from .memory_tls import MemoryTls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .addresses import Address
    from .timeouts import Timeouts

    Forbidden = Callable[[Address], str]
    """Returns why an address must not be connected to, or ""."""

LEAST, LARGEST = 1 << 16, 1 << 20
"""Bytes that are read at once, at first and where they keep coming. TLS returns 16 KiB at most."""
_ADDRESSES = 3
"""How many times `Policy.connect` may be spent on the addresses of one name."""
_ALPN = ("http/1.1",)


class Proxy(Struct, frozen=True):
    """A proxy: host and port, and the environment `variable` that names it.

    It `tunnels` what is TLS, and forwards what is not. `secure`: it speaks TLS itself.
    """

    address: str
    variable: str
    tunnels: bool
    secure: bool = False


class ProxyFailedError(Exception):
    """The proxy does not answer, or it refuses, and then `said` why."""

    def __init__(self, proxy: Proxy, said: str = "") -> None:
        super().__init__(said)
        self.proxy = proxy
        self.said = said


class ForbiddenAddressError(OSError):
    """A name resolves to an address that is forbidden; the text goes on after the name."""


def connect(
    host: str,
    port: int,
    timeouts: Timeouts,
    *,
    proxy: Proxy | None = None,
    forbidden: Forbidden | None = None,
) -> Stream:
    """Connect to the first of the host's addresses that answers. Raises `OSError`.

    `proxy` says that the host is a proxy; then what fails is a `ProxyFailedError`. `forbidden` sees
    the very addresses that are connected to: a name may resolve to others each time that it is
    looked up.
    """
    try:
        wire, address = _connect(host, port, timeouts, forbidden)
    except ForbiddenAddressError:
        raise
    except OSError as error:
        if proxy is None:
            raise
        raise ProxyFailedError(proxy) from error
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Of a forwarding proxy, nobody knows whether it failed or who is behind it.
    talks = proxy if proxy and (proxy.tunnels or proxy.secure) else None
    inside = proxy is None and is_private(ipaddress.ip_address(address))
    return Stream(wire, talks, inside=inside)


def _connect(
    host: str, port: int, timeouts: Timeouts, forbidden: Forbidden | None
) -> tuple[socket.socket, str]:
    end = time.monotonic() + _ADDRESSES * timeouts.to_connect()
    lost: OSError = TimeoutError("timed out")
    for address in _addresses(host, port, forbidden):
        left = min(timeouts.to_connect(), end - time.monotonic())
        if left <= 0:
            break
        # Its type in typeshed lacks bytes, which `getaddrinfo` takes.
        name: Any = encoded(address)
        try:
            return socket.create_connection((name, port), left), address
        except OSError as error:
            lost = error
    raise lost


def _addresses(host: str, port: int, forbidden: Forbidden | None) -> Sequence[str]:
    """Resolve a host. Raises `OSError`, also where one of its addresses is forbidden."""
    found = socket.getaddrinfo(encoded(host), port, type=socket.SOCK_STREAM)
    known = [str(entry[4][0]) for entry in found]
    for address in known if forbidden else ():
        if forbidden and (why := forbidden(ipaddress.ip_address(address))):
            raise ForbiddenAddressError(f"is at {address}, {why}")
    return known


def _encoded_labels(hostname: str) -> bytes:
    """Encode a name as the codec `idna` does, whose tables only other alphabets need.

    Raises `ValueError` for a label that is empty or too long.
    """
    if not hostname.isascii():
        return hostname.encode("idna")
    if any(not 0 < len(label) < 64 for label in hostname.removesuffix(".").split(".")):
        raise ValueError("a label of a host name has 1 to 63 characters")
    return hostname.encode("ascii")


class Stream:
    """Bytes in both directions, with or without TLS. For one thread.

    `proxy` is the one that is spoken to until TLS begins with the host behind it; `inside` says
    that the connection leads to an address of a private network. `session` is TLS within the TLS of
    a proxy.
    """

    def __init__(
        self,
        wire: socket.socket,
        proxy: Proxy | None = None,
        session: MemoryTls | None = None,
        *,
        inside: bool = False,
    ) -> None:
        self.inside = inside
        self._wire = wire
        self._proxy = proxy
        self._line: socket.socket | MemoryTls = session or wire
        self._size = LEAST

    def read(self, timeouts: Timeouts) -> bytes:
        """Return what has come, at most `LARGEST` bytes; nothing where the other side has closed.

        Of a body, twice as much is read after each read that came back full.
        """
        wanted = self._size if timeouts.has_head else LEAST
        try:
            data = self._read(wanted, timeouts)
        except OSError as error:
            if self._proxy is None:
                raise
            raise ProxyFailedError(self._proxy) from error
        if not data and self._proxy:
            raise ProxyFailedError(self._proxy) from ConnectionAbortedError("it closed")
        self._size = min(2 * wanted, LARGEST) if len(data) == wanted else LEAST
        return data

    def write(self, data: bytes, timeouts: Timeouts) -> None:
        """Write all."""
        # A view is sliced without a copy of the rest.
        rest = memoryview(data)
        while rest:
            began = time.monotonic()
            self._line.settimeout(timeouts.to_write())
            sent = self._line.send(rest)
            timeouts.wrote(sent, time.monotonic() - began)
            rest = rest[sent:]

    def abort(self) -> None:
        """End the connection for another thread that waits for it, and that will close it."""
        with suppress(OSError):
            # Not `SSLSocket.shutdown`, which would take the TLS session from the other thread.
            socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def has_more(self) -> bool:
        """Return whether bytes have come, or the other side has closed, while nobody was asked."""
        if isinstance(self._line, MemoryTls) and self._line.holds_more:
            return True
        poll = select.poll()
        poll.register(self._wire, select.POLLIN)
        return bool(poll.poll(0))

    def start_tls(self, context: ssl.SSLContext, hostname: str, timeouts: Timeouts) -> Stream:
        """Begin TLS, first with the proxy where it speaks TLS. Raises `OSError`; then it closes."""
        proxy, left = self._proxy, timeouts.to_connect()
        context.set_alpn_protocols(_ALPN)
        try:
            # `ssl` would leak the socket over a name that it cannot encode.
            name = _encoded_labels(hostname)
            if isinstance(self._wire, ssl.SSLSocket):
                return Stream(self._wire, session=MemoryTls(self._wire, context, hostname, left))
            self._wire.settimeout(left)
            wire = context.wrap_socket(self._wire, server_hostname=name)
        except OSError as error:
            self.close()
            if proxy is None or not proxy.secure:
                raise
            raise ProxyFailedError(proxy) from error
        except ValueError as error:
            self.close()
            raise OSError(str(error)) from error
        secured = proxy and proxy.secure and proxy.tunnels
        talks = replace(proxy, secure=False) if proxy and secured else None
        return Stream(wire, talks, inside=self.inside)

    def _read(self, wanted: int, timeouts: Timeouts) -> bytes:
        began = time.monotonic()
        self._line.settimeout(timeouts.to_read())
        data = self._line.recv(wanted)
        timeouts.read(len(data), time.monotonic() - began)
        return data
