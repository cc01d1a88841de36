"""Read public images through mirrors, as the engine does.

The engine has mirrors for Docker Hub alone, and goes on to the next one where a mirror does not
answer or does not have the image (moby `daemon/pkg/registry/service_v2.go`); so do we.
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
    """Return the mirrors of a registry, by the name that docker has for it (`docker.io`)."""

_HAS = frozenset({200, 206})


class Mirror(Struct, frozen=True):
    """The host of a mirror, and the `path` before its `/v2/`, if there is one.

    An `insecure` one may speak plain HTTP, or show any certificate.
    """

    host: str
    path: str = ""
    insecure: bool = False


class MirrorHost:
    """A mirror of the registry `of`, as long as it answers. Thread-safe.

    It gets the credential for the mirror itself, if there is one, and never that for the registry.
    """

    def __init__(self, host: Host, mirror: Mirror, of: str, report: Reporter) -> None:
        self.host = host
        self._mirror = mirror
        self._of = of
        self._report = report
        self._reported = False
        self._gone = False

    def answer(self, request: Request, check: Check) -> Response | None:
        """Send a request to the mirror; return `None` where it does not have it, or fails.

        A failure is reported once. There are no retries, and no more requests after it did not
        answer at all.
        """
        if self._gone:
            return None
        try:
            asked = replace(request, path=f"{self._mirror.path}{request.path}")
            response = self.host.ask_once(asked, check)
        except HttpError as error:
            if error.details.unreachable:
                self._gone = True
            self._report_once(error.message)
            return None
        if response.status in _HAS:
            return response
        if response.status != 404:
            self._report_once(f"it answers {response.status}")
        return None

    def _report_once(self, why: str) -> None:
        if not self._reported:
            self._reported = True
            text = f"`{self._mirror.host}`, a mirror of `{self._of}`, is left out: {why}"
            self._report(Notice(text))


class MirrorHosts:
    """The mirrors of a registry, which are looked up at the first request. Thread-safe."""

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
        """Return the response of the first mirror that has it; `None` where none has."""
        with self._lock:
            if self._found is None:
                found = self._find(registry_named(self._registry))
                self._found = tuple(map(self._mirror_host, found))
        answers = (one.answer(request, check) for one in self._found)
        return next((response for response in answers if response), None)

    def close(self) -> None:
        """Close all connections."""
        for mirror in self._found or ():
            mirror.host.close()

    def _mirror_host(self, mirror: Mirror) -> MirrorHost:
        return MirrorHost(self._connect(mirror), mirror, self._registry, self._report)


def mirrors_in(info: object, *, here: bool = True) -> tuple[Mirror, ...]:
    """Read the mirrors of Docker Hub in the output of `docker info`, in their order.

    Those on loopback are left out where the engine is not on this machine (`here`).

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
    """Return a check of whether the engine treats a host as insecure: by name, or by network."""
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
