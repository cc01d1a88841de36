"""The addresses of Fly's two interfaces, and connections over which a token may be sent.

`FLY_FLAPS_BASE_URL` and `FLY_API_BASE_URL` set other addresses, as for flyctl, which has a third
interface: it creates releases at `FLY_UIEX_BASE_URL` (superfly/flyctl `internal/uiex`). Over plain
HTTP a token is only sent to this machine, or inside Fly's private network, which is encrypted:
`http://_api.internal:4280` (superfly/docs `machines/api/working-with-machines-api`), if that
resolves to one of its addresses.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..http import tls
from ..http.addresses import is_loopback, not_loopback
from ..http.connections import Connections
from ..http.proxies import proxies
from ..registry.trust import Trust
from .errors import in_clear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..http.addresses import Address
    from ..http.retry import Policy

MACHINES = "https://api.machines.dev"
GRAPHQL = "https://api.fly.io"
_INTERNAL = "_api.internal"
_NETWORK = ipaddress.IPv6Network("fdaa::/16")
"""Fly's private networks, 6PN (superfly/docs `networking/private-networking`)."""


def bases(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the base URL of each interface: `machines` and `graphql`."""
    return {
        "machines": (environ.get("FLY_FLAPS_BASE_URL") or MACHINES).rstrip("/"),
        "graphql": (environ.get("FLY_API_BASE_URL") or GRAPHQL).rstrip("/"),
    }


def check_base(base: str) -> None:
    """Raise `FlyError` for a base URL by which a token could be read on the way."""
    parts = urlsplit(base)
    hostname = parts.hostname or ""
    if parts.scheme != "https" and not is_loopback(hostname) and hostname != _INTERNAL:
        raise in_clear(parts.netloc.rpartition("@")[2])


def check_for_flyctl(environ: Mapping[str, str]) -> None:
    """Raise `FlyError` where flyctl, by its environment, would send a token over plain HTTP."""
    rest = (environ.get("FLY_UIEX_BASE_URL") or GRAPHQL).rstrip("/")
    for base in (*bases(environ).values(), rest):
        check_base(base)
        if not base.lower().startswith("https:") and (named := proxies(environ).before(base)):
            raise in_clear(f"the proxy {named.address}")


def connections(base: str, policy: Policy) -> Connections:
    """Return connections that a token may be sent over. Raises `FlyError` where it may not."""
    check_base(base)
    parts = urlsplit(base)
    local = is_loopback(parts.hostname or "")
    if parts.scheme == "https":
        context = Trust().context(parts.netloc)
        return Connections(context, proxies=not local, policy=policy)
    wrong = not_loopback if local else _not_flys
    return Connections(tls.nothing(), proxies=False, policy=policy, forbidden=wrong)


def _not_flys(address: Address) -> str:
    inside = isinstance(address, ipaddress.IPv6Address) and address in _NETWORK
    return "" if inside else "which is not in Fly's network"
