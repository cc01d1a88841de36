"""Where a host name leads: to this machine, into a private network, or out into the world.

One reading for redirects, token servers, mirrors and what may be said in clear. What forbids reads
a name as the system's resolver does, which takes `2130706433` for 127.0.0.1; what permits wants it
written plainly. Nothing is looked up here: whoever connects shows the address that was found.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_INSIDE = (
    *("localhost", "localdomain", "local", "internal", "home.arpa"),
    *("corp", "home", "intranet", "lan", "private"),
)
"""Ends of names that no public server has: RFC 6761, 6762 (with its appendix G) and 8375, and
ICANN's `internal`."""
_CARRIERS = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""What has an IPv4 address as its end: RFC 4291 (compatible, mapped), 2765 (translated), and 6052
(NAT64: a network without IPv4 reaches all of it so)."""
_NO_ADDRESSES = (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"))
_WORLD = ipaddress.IPv6Network("2000::/3")
"""All that has been given out of IPv6 (RFC 4291, 2.4): not `64:ff9b:1::/48`, nor `ff00::/8`."""
_NOBODYS = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("3fff::/20"))
"""Set aside (RFC 6890, 9637), which not every Python knows yet."""


def is_loopback(hostname: str) -> bool:
    """Whether a name is plainly this machine's own: `localhost`, or an address of loopback.

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
    """Whether a name, however it is spelt, leads to this machine.

    >>> leads_here("127.1"), leads_here("LOCALHOST."), leads_here("registry.fly.io")
    (True, True, False)
    """
    name = _plain(hostname)
    address = read_address(name)
    if address is None:
        return name.split(".")[-1] in ("localhost", "localdomain", "ip6-localhost", "ip6-loopback")
    address = innermost(address)
    return address.is_loopback or address.is_unspecified


def is_inside(hostname: str) -> bool:
    """Whether a name, however it is spelt, can only mean this machine or a private network.

    A name without a dot is found by whoever answers for names here, and by nobody else.
    """
    name = _plain(hostname)
    address = read_address(name)
    if address is not None:
        return is_private(address)
    return "." not in name or name.endswith(tuple(f".{end}" for end in _INSIDE))


def is_private(address: Address) -> bool:
    """Whether an address is not one of the world's: private, shared, set aside, for many at once.

    One that has another in it is what that is.
    """
    found = innermost(address)
    if isinstance(found, ipaddress.IPv6Address) and found not in _WORLD:
        return True
    nobodys = any(found in network for network in _NOBODYS)
    return nobodys or not found.is_global or found.is_multicast


def not_here(address: Address) -> str:
    """Why an address is not this machine's; empty where it is."""
    return "" if innermost(address).is_loopback else "which is not this machine"


def not_outside(address: Address) -> str:
    """Why an address is not in the world; empty where it is."""
    return "which is in a private network" if is_private(address) else ""


def innermost(address: Address) -> Address:
    """The IPv4 address in one of IPv6 that has one in it (6to4 too), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address) or address in _NO_ADDRESSES:
        return address
    if any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.sixtofour or address


def read_address(hostname: str) -> Address | None:
    """The address that a host name is, as the system reads it; `None` for the name of a host.

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
    """A name in small letters, without brackets and without the dot that may end it.

    Other letters are read as the network has them (IDNA): full-width digits are digits.
    """
    name = hostname.lower().removeprefix("[").removesuffix("]").rstrip(".")
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        return ""
