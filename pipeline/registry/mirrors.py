"""Mirrors: hosts that are asked for a public image before its registry, as the engine asks them.

The engine knows mirrors of Docker Hub alone, and goes on to the next where one does not answer, or
has not what is asked for (moby `daemon/pkg/registry/service_v2.go`); so do we.
"""

from __future__ import annotations

import ipaddress
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from ..http.addresses import leads_here
from ..http.errors import HttpError
from ..model.events import Notice
from ..reference import HUB, ReferenceSyntaxError, parse_host, registry_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..http.response import Response
    from ..model.events import Reporter
    from .host import Host
    from .request import Check, Request

    Mirrors = Callable[[str], Sequence["Mirror"]]
    """The mirrors of a registry, under the name that docker has for it (`docker.io`)."""

_HAS = frozenset({200, 206})


class Mirror(Struct, frozen=True):
    """A mirror's host, and the `path` before its `/v2/`, if there is one.

    One that is `insecure` may speak plain HTTP, or show any certificate.
    """

    host: str
    path: str = ""
    insecure: bool = False


class MirrorHost:
    """A mirror of the registry `of`, and whether it is still asked. Thread-safe.

    It is asked as whoever we are at the mirror itself: nothing of ours is for another host.
    """

    def __init__(self, host: Host, mirror: Mirror, of: str, report: Reporter) -> None:
        self.host = host
        self._mirror = mirror
        self._of = of
        self._report = report
        self._told = False
        self._gone = False

    def answer(self, request: Request, check: Check) -> Response | None:
        """What the mirror has, `None` where it has it not, or cannot be asked: that is told once.

        Asked once for each request, and not again for any where nobody answers.
        """
        if self._gone:
            return None
        try:
            asked = replace(request, path=f"{self._mirror.path}{request.path}")
            answer = self.host.ask_once(asked, check)
        except HttpError as error:
            if error.details.unreachable:
                self._gone = True
            self._tell(error.message)
            return None
        if answer.status in _HAS:
            return answer
        if answer.status != 404:
            self._tell(f"it answers {answer.status}")
        return None

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            text = f"`{self._mirror.host}`, a mirror of `{self._of}`, is left out: {why}"
            self._report(Notice(text))


class MirrorHosts:
    """The mirrors of a registry, which are found out when first something is to be read of it.

    Thread-safe.
    """

    def __init__(
        self, registry: str, find: Mirrors, connect: Callable[[Mirror], Host], report: Reporter
    ) -> None:
        self._registry = registry
        self._find = find
        self._connect = connect
        self._report = report
        self._lock = Lock()
        self._found: tuple[MirrorHost, ...] | None = None

    def answer(self, request: Request, check: Check) -> Response | None:
        """What the first mirror has that has it, `None` where none has."""
        with self._lock:
            if self._found is None:
                found = self._find(registry_named(self._registry))
                self._found = tuple(map(self._lender, found))
        answers = (lender.answer(request, check) for lender in self._found)
        return next((answer for answer in answers if answer), None)

    def close(self) -> None:
        """Let go of the connections."""
        for lender in self._found or ():
            lender.host.close()

    def _lender(self, mirror: Mirror) -> MirrorHost:
        return MirrorHost(self._connect(mirror), mirror, self._registry, self._report)


def mirrors_in(info: object, *, here: bool = True) -> tuple[Mirror, ...]:
    """The mirrors of Docker Hub in what an engine says of itself (`docker info`), in its order.

    Those on loopback are left out where the engine is not `here`, on this machine.

    >>> mirrors_in({"RegistryConfig": {"Mirrors": ["https://mirror.example.com/"]}})
    (Mirror(host='mirror.example.com', path='', insecure=False),)
    """
    config = _object(_object(info).get("RegistryConfig"))
    indexes = _object(config.get("IndexConfigs"))
    named = config.get("Mirrors") or _object(indexes.get(HUB)).get("Mirrors")
    urls = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    is_insecure = _insecure_by(config)
    found = (_mirror(url, is_insecure) for url in urls)
    return tuple(one for one in found if one and (here or not _is_here(one)))


def _mirror(url: str, is_insecure: Callable[[str], bool]) -> Mirror | None:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = parse_host(parts.netloc)
    except (ValueError, ReferenceSyntaxError):
        return None
    if parts.scheme not in ("http", "https"):
        return None
    return Mirror(host, parts.path.rstrip("/"), parts.scheme == "http" or is_insecure(host))


def _insecure_by(config: Mapping[str, object]) -> Callable[[str], bool]:
    """Whether the engine takes a host for insecure: by name, or, for an address, by its network."""
    indexes, written = _object(config.get("IndexConfigs")), config.get("InsecureRegistryCIDRs")
    networks = [n for n in written if isinstance(n, str)] if isinstance(written, list) else []

    def is_insecure(host: str) -> bool:
        if host in indexes:
            return _object(indexes[host]).get("Secure") is False
        address = _address(host)
        return address is not None and any(_holds(network, address) for network in networks)

    return is_insecure


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return None


def _is_here(mirror: Mirror) -> bool:
    return leads_here(urlsplit(f"//{mirror.host}").hostname or "")


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
