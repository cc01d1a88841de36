"""A network bridge for an engine of the sandbox, with access to the outside.

Two engines on one machine would change each other's firewall chains, as both name theirs DOCKER. So
ours run with `iptables` off. A bridge needs only the three rules below, each marked with its name
so that it can be removed again. The engine's user-land proxy serves published ports.
"""

from __future__ import annotations

import fcntl
import ipaddress
import shlex
import shutil
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import process
from sandbox.errors import SandboxError
from sandbox.folders import locked

if TYPE_CHECKING:
    from sandbox.packages import Tools

LOCK = Path("/run/lock/fly-image-pipeline.lock")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
ROUTES = Path("/proc/net/route")
ENGINES_OWN = "br-"
"""Name prefix of the bridges that an engine creates for its networks."""

POOLS = [ipaddress.IPv4Network(f"10.{number}.0.0/16") for number in range(208, 250)]

# The ioctls of linux/sockios.h and linux/if.h that brctl and ifconfig use; iproute2 may be missing.
SIOCBRADDBR, SIOCBRDELBR = 0x89A0, 0x89A1
SIOCSIFFLAGS, SIOCGIFADDR, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8915, 0x8916, 0x891C
IFF_UP, IFF_BROADCAST, IFF_MULTICAST = 0x1, 0x2, 0x1000


@dataclass(frozen=True)
class Bridge:
    """A bridge and its addresses.

    The bridge itself has the first /24 of the pool; the engine creates further networks in the
    second half, so that the same rules apply to them.
    """

    name: str
    pool: ipaddress.IPv4Network

    @property
    def address(self) -> ipaddress.IPv4Address:
        """Return the machine's address on the bridge."""
        return self.pool[1]

    @property
    def networks(self) -> str:
        """Return the half of the pool in which the engine creates further networks."""
        return str(list(self.pool.subnets())[1])


def create(name: str, tools: Tools, *, usual: str = "") -> Bridge:
    """Create a bridge on addresses to which this machine has no route.

    It prefers the pool `usual` (`10.208.0.0/16`). A bridge of the same name is replaced. `name` has
    at most 15 characters.

    Raises:
        SandboxError: the kernel refuses, as in a container without NET_ADMIN.

    """
    remove(name, tools)
    with locked(LOCK):
        bridge = Bridge(name, _free_pool(usual))
        try:
            _add_link(bridge)
            FORWARDING.write_text("1\n")
        except OSError as error:
            raise SandboxError(
                f"the kernel refuses to create the bridge `{name}`: {error.strerror}",
                hint="run on the machine itself, or in a container started with --privileged",
            ) from error
    for table, chain, rule in _rules(bridge):
        _iptables(tools, "-t", table, "-I", chain, *rule)
    return bridge


def remove(name: str, tools: Tools) -> None:
    """Remove the bridge and its rules, if they exist."""
    # Without iptables the rules stay, and match nothing.
    chains = (("nat", "POSTROUTING"), ("filter", "FORWARD"))
    for table, chain in chains if _program(tools).exists() else ():
        for line in _iptables(tools, "-t", table, "-S", chain).splitlines():
            words = shlex.split(line)
            if words[:1] == ["-A"] and name in words:
                _iptables(tools, "-t", table, "-D", *words[1:])
    _remove_link(name)


def remove_within(pool: str) -> None:
    """Remove the bridges with an address in `pool` (`10.208.0.0/16`), which an engine leaves.

    Otherwise their addresses would stay in use.
    """
    ours = ipaddress.IPv4Network(pool)
    for _, name in socket.if_nameindex():
        if name.startswith(ENGINES_OWN) and (address := _address(name)) and address in ours:
            _remove_link(name)


def exists(name: str) -> bool:
    """Return whether this machine has a network interface of that name."""
    return any(name == known for _, known in socket.if_nameindex())


def _rules(bridge: Bridge) -> list[tuple[str, str, list[str]]]:
    mark = ["-m", "comment", "--comment", bridge.name]
    pool = str(bridge.pool)
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [
        ("nat", "POSTROUTING", ["-s", pool, "!", "-d", pool, *mark, "-j", "MASQUERADE"]),
        ("filter", "FORWARD", ["-s", pool, *mark, "-j", "ACCEPT"]),
        ("filter", "FORWARD", ["-d", pool, *answers, *mark, "-j", "ACCEPT"]),
    ]


def _iptables(tools: Tools, *words: str) -> str:
    return process.run([str(_program(tools)), "--wait", "20", *words])


def _program(tools: Tools) -> Path:
    """Prefer the machine's own iptables, so that all rules are of the same kind."""
    return Path(shutil.which("iptables") or tools.bin / "iptables")


def _free_pool(usual: str) -> ipaddress.IPv4Network:
    taken = _routed()
    for pool in sorted(POOLS, key=lambda pool: str(pool) != usual):
        if not any(pool.overlaps(network) for network in taken):
            return pool
    raise SandboxError(
        "no range of addresses is free for another engine",
        hint="stop other sandboxes with `make demo-down`",
    )


def _routed() -> list[ipaddress.IPv4Network]:
    """Return every network with a route, without the default route."""
    networks = []
    for line in ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        # The kernel prints both in the byte order of the machine.
        base, mask = (
            ipaddress.IPv4Address(struct.pack("=I", int(fields[at], 16))) for at in (1, 7)
        )
        if int(mask):
            networks.append(ipaddress.IPv4Network(f"{base}/{mask}", strict=False))
    return networks


def _add_link(bridge: Bridge) -> None:
    _call(SIOCBRADDBR, _name(bridge.name))
    _call(SIOCSIFADDR, _request(bridge.name, bridge.address))
    _call(SIOCSIFNETMASK, _request(bridge.name, ipaddress.IPv4Address("255.255.255.0")))
    _set_flags(bridge.name, IFF_UP | IFF_BROADCAST | IFF_MULTICAST)


def _remove_link(name: str) -> None:
    with suppress(OSError):
        _set_flags(name, 0)
    with suppress(OSError):
        _call(SIOCBRDELBR, _name(name))


def _address(name: str) -> ipaddress.IPv4Address | None:
    request = bytearray(struct.pack("16s24x", name.encode()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control, suppress(OSError):
        fcntl.ioctl(control, SIOCGIFADDR, request)
        return ipaddress.IPv4Address(bytes(request[20:24]))
    return None


def _set_flags(name: str, flags: int) -> None:
    _call(SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags))


def _name(name: str) -> bytes:
    return struct.pack("16s", name.encode())


def _request(name: str, address: ipaddress.IPv4Address) -> bytes:
    return struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, address.packed)


def _call(number: int, argument: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, number, argument)
