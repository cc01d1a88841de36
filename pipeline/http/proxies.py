"""Find the proxy for an address: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, read as Go does.

Docker, buildx and BuildKit are Go programs, which all read these variables with the same package
(golang.org/x/net/http/httpproxy): what they reach without a proxy, so do we. `ALL_PROXY` is added,
for a scheme that has no variable of its own.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"http": "80", "https": "443"}
_MAPPED = 96
"""How many bits come before an IPv4 address that is written as IPv6."""


class NamedProxy(Struct, frozen=True):
    """The address of a proxy as `variable` has it, user and password included."""

    url: str
    variable: str

    def __repr__(self) -> str:
        """Leave out the address, which may hold a password."""
        return f"{type(self).__name__}(variable={self.variable!r})"

    @property
    def address(self) -> str:
        """Host and port, without user and password."""
        try:
            return urlsplit(self.whole).netloc.rpartition("@")[2]
        except ValueError:  # not an address
            return ""

    @property
    def whole(self) -> str:
        """The address with its scheme, which may be left out for HTTP."""
        return self.url if "://" in self.url else f"http://{self.url}"


class Bypass(Struct, frozen=True):
    """An entry of `NO_PROXY`: hosts that are reached directly. An empty `port` is every port.

    `suffix` begins with a dot: all names below a domain end with it. `itself` says that the domain
    counts too.
    """

    port: str = ""
    network: Network | None = None
    address: Address | None = None
    suffix: str = ""
    itself: bool = False

    def covers(self, host: str, port: str, address: Address | None) -> bool:
        """Return whether a host, which may be an `address`, is reached directly at a port."""
        if self.network is not None:
            return address is not None and address in self.network
        if self.address is not None:
            found = address == self.address
        else:
            below = host.endswith(self.suffix) or (self.itself and host == self.suffix[1:])
            found = address is None and below
        return found and self.port in ("", port)


class Proxies(Struct, frozen=True):
    """The proxies that an environment names, and which hosts are reached without them."""

    by_scheme: Mapping[str, NamedProxy]
    direct: tuple[Bypass, ...] = ()
    everybody_direct: bool = False

    def before(self, url: str) -> NamedProxy | None:
        """Return the proxy for a web address; `None` for this machine, and where there is none.

        >>> proxies({"HTTPS_PROXY": "p:3128", "NO_PROXY": "192.0.2.0/24"}).before("https://192.0.2.7/")
        """
        parts = urlsplit(url)
        named = self.by_scheme.get(parts.scheme)
        host = _ascii((parts.hostname or "").strip().lower())
        if named is None or self.everybody_direct or host == "localhost":
            return None
        _, _, port = parts.netloc.rpartition("]")[2].partition(":")
        port = port or _PORTS[parts.scheme]
        address = _address(host.partition("%")[0] if ":" in host else host)
        if address is not None and address.is_loopback:
            return None
        return None if any(one.covers(host, port, address) for one in self.direct) else named


def proxies(environ: Mapping[str, str]) -> Proxies:
    """Read an environment; a name in lower case comes before the same in upper case.

    In a CGI program `HTTP_PROXY` is a header that a client sent, and is not read (httpoxy).
    """
    found: dict[str, NamedProxy] = {}
    for scheme in _PORTS:
        names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
        if "REQUEST_METHOD" in environ and scheme == "http":
            names.remove("HTTP_PROXY")
        variable = next((name for name in names if environ.get(name)), None)
        if variable:
            found[scheme] = NamedProxy(environ[variable], variable)
    written = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    entries = [entry.strip().lower() for entry in written.split(",")]
    if "*" in entries:
        return Proxies(found, everybody_direct=True)
    return Proxies(found, tuple(one for entry in entries if (one := _bypass(entry))))


def _bypass(entry: str) -> Bypass | None:
    """Read an entry of `NO_PROXY`; `None` for one that matches no host."""
    if network := _network(entry):
        return Bypass(network=network)
    host, port = _split(entry)
    if not host:
        return None
    if address := _address(host):
        return Bypass(port, address=address)
    name = _ascii(host.removeprefix("*") if host.startswith("*.") else host)
    if name.startswith("."):
        return Bypass(port, suffix=name)
    return Bypass(port, suffix=f".{name}", itself=True)


def _split(entry: str) -> tuple[str, str]:
    """Split host and port as Go's `net.SplitHostPort` does; all of it is the host where that fails.

    So `[2001:db8::1]:443` names an address, and `[2001:db8::1]`, which has no port, does not.
    """
    head, colon, port = entry.rpartition(":")
    if head.startswith("["):
        inside = head[1:-1]
        whole = head.endswith("]")
    else:
        inside, whole = head, ":" not in head
    if not colon or not whole or set(inside + port) & set("[]"):
        return entry, ""
    return inside, port


def _network(entry: str) -> Network | None:
    head, slash, bits = entry.partition("/")
    address = _plain_address(head)
    if not slash or address is None or not (bits.isascii() and bits.isdigit()):
        return None
    try:
        network = ipaddress.ip_network(f"{address}/{int(bits)}", strict=False)
    except ValueError:
        return None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - _MAPPED}")


def _address(host: str) -> Address | None:
    """Read an address; an IPv4 address that is written as IPv6 is IPv4."""
    address = _plain_address(host)
    return getattr(address, "ipv4_mapped", None) or address


def _plain_address(host: str) -> Address | None:
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def _ascii(name: str) -> str:
    """Encode a name as DNS has it: `bücher.example` is `xn--bcher-kva.example`."""
    if name.isascii():
        return name
    try:
        dot = "." if name.startswith(".") else ""
        return dot + name.removeprefix(".").encode("idna").decode("ascii")
    except UnicodeError:
        return name
