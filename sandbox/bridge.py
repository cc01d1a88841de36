"""A network bridge of an engine's own, with a way out.

Two engines on one machine would rewrite each other's firewall chains, for both call theirs DOCKER.
So ours run with `iptables` off and touch none; the three rules below are all that a bridge needs,
each marked with its name so that it can be taken out again. Published ports are served by the
engine's user-land proxy.
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
from sandbox.places import locked

if TYPE_CHECKING:
    from sandbox.packages import Tools

LOCK = Path("/run/lock/fly-image-pipeline.lock")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
ROUTES = Path("/proc/net/route")
ENGINES_OWN = "br-"
"""How an engine calls the bridges of the networks that it makes."""

POOLS = [ipaddress.IPv4Network(f"10.{number}.0.0/16") for number in range(208, 250)]

# linux/sockios.h and linux/if.h: the calls that brctl and ifconfig make; iproute2 may be missing.
SIOCBRADDBR, SIOCBRDELBR = 0x89A0, 0x89A1
SIOCSIFFLAGS, SIOCGIFADDR, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8915, 0x8916, 0x891C
IFF_UP, IFF_BROADCAST, IFF_MULTICAST = 0x1, 0x2, 0x1000


@dataclass(frozen=True)
class Bridge:
    """A bridge and the addresses behind it.

    The bridge itself has the pool's first /24; the engine makes further networks of the second
    half, so that the same rules let them out.
    """

    name: str
    pool: ipaddress.IPv4Network

    @property
    def address(self) -> ipaddress.IPv4Address:
        """The machine's own address on the bridge."""
        return self.pool[1]

    @property
    def networks(self) -> str:
        """The half of the pool from which the engine takes further networks."""
        return str(list(self.pool.subnets())[1])


def create(name: str, tools: Tools, *, usual: str = "") -> Bridge:
    """A bridge of that name on addresses that nothing on this machine has a route to.

    That is the pool `usual` (`10.208.0.0/16`) where it is free. A left-over of the same name is
    replaced. `name` has at most 15 characters.

    Raises:
        SandboxError: the kernel refuses, as it does in a container without NET_ADMIN.

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
    """Take the bridge and its rules away; nothing if there are none."""
    # Without the program the rules stay, and match nothing.
    chains = (("nat", "POSTROUTING"), ("filter", "FORWARD"))
    for table, chain in chains if _program(tools).exists() else ():
        for line in _iptables(tools, "-t", table, "-S", chain).splitlines():
            words = shlex.split(line)
            if words[:1] == ["-A"] and name in words:
                _iptables(tools, "-t", table, "-D", *words[1:])
    _remove_link(name)


def remove_within(pool: str) -> None:
    """Take away the bridges with an address in `pool` (`10.208.0.0/16`): networks of an engine.

    An engine that ends leaves them, and what they occupy nobody else could use.
    """
    ours = ipaddress.IPv4Network(pool)
    for _, name in socket.if_nameindex():
        if name.startswith(ENGINES_OWN) and (address := _address(name)) and address in ours:
            _remove_link(name)


def exists(name: str) -> bool:
    """Whether this machine has a network interface of that name."""
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
    """The machine's own iptables where there is one, so that all rules are in one place."""
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
    """Every network with a route, but for the default route."""
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
