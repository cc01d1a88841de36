"""Distinguish this machine, private networks and the public Internet, by host name or address.

One reading of names for redirects, mirrors and plain HTTP. Checks that forbid read a name as the
system's resolver does, which takes `2130706433` for 127.0.0.1; checks that permit want it written
plainly. Nothing is looked up here: the sockets check the address that they connect to.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_INSIDE = (
    *("localhost", "localdomain", "local", "internal", "home.arpa"),
    *("corp", "home", "intranet", "lan", "private"),
)
"""Top-level names that no public server has: RFC 6761, 6762 (with its appendix G) and 8375, and
ICANN's `internal`."""
_CARRIERS = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""Networks whose addresses end with an IPv4 address: RFC 4291 (compatible, mapped), 2765
(translated), and 6052 (NAT64, by which a network without IPv4 reaches all of it)."""
_NO_ADDRESSES = (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"))
_WORLD = ipaddress.IPv6Network("2000::/3")
"""All that is allocated of IPv6 (RFC 4291, 2.4): neither `64:ff9b:1::/48` nor `ff00::/8`."""
_RESERVED = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("3fff::/20"))
"""Reserved networks (RFC 6890, 9637) that not every Python knows yet."""


def is_loopback(hostname: str) -> bool:
    """Return whether a name is plainly this machine's: `localhost`, or a loopback address.

    >>> is_loopback("127.0.0.1"), is_loopback("127.1"), is_loopback("localhost.")
    (True, False, False)
    """
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def leads_here(hostname: str) -> bool:
    """Return whether a name, however it is spelt, resolves to this machine.

    >>> leads_here("127.1"), leads_here("LOCALHOST."), leads_here("a.example")
    (True, True, False)
    """
    name = _plain(hostname)
    address = read_address(name)
    if address is None:
        return name.split(".")[-1] in ("localhost", "localdomain", "ip6-localhost", "ip6-loopback")
    address = innermost(address)
    return address.is_loopback or address.is_unspecified


def is_inside(hostname: str) -> bool:
    """Return whether a name, however it is spelt, can only be this machine or in a private network.

    A name without a dot is known to the local resolver alone.
    """
    name = _plain(hostname)
    address = read_address(name)
    if address is not None:
        return is_private(address)
    return "." not in name or name.endswith(tuple(f".{end}" for end in _INSIDE))


def is_private(address: Address) -> bool:
    """Return whether an address is not public: private, shared, reserved or multicast.

    An address that holds another is judged by that one.
    """
    found = innermost(address)
    if isinstance(found, ipaddress.IPv6Address) and found not in _WORLD:
        return True
    reserved = any(found in network for network in _RESERVED)
    return reserved or not found.is_global or found.is_multicast


def not_loopback(address: Address) -> str:
    """Return what is wrong with an address that must be this machine's; "" if it is."""
    return "" if innermost(address).is_loopback else "which is not this machine"


def not_public(address: Address) -> str:
    """Return what is wrong with an address that must be public; "" if it is."""
    return "which is in a private network" if is_private(address) else ""


def innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address holds (6to4 too), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address) or address in _NO_ADDRESSES:
        return address
    if any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.sixtofour or address


def encoded(hostname: str) -> str | bytes:
    """Return a name in ASCII as bytes, for `socket` and `ssl`.

    For text they load Python's tables of international names, which takes a few milliseconds.
    """
    return hostname.encode("ascii") if hostname.isascii() else hostname


def read_address(hostname: str) -> Address | None:
    """Read an IP address as the system does; `None` for the name of a host.

    C's `inet_aton` takes one to four numbers: decimal, octal or hexadecimal.

    >>> read_address("0x7f.1"), read_address("[::1]"), read_address("a.example")
    (IPv4Address('127.0.0.1'), IPv6Address('::1'), None)
    """
    name = _plain(hostname)
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name)) if name.split() == [name] else None
    except (OSError, ValueError):
        return None


def _plain(hostname: str) -> str:
    """Return a name in lower case, without brackets and without a dot at its end.

    Other alphabets are encoded (IDNA): full-width digits are digits.
    """
    name = hostname.lower().removeprefix("[").removesuffix("]").rstrip(".")
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        return ""
