"""Let a new release take over from the one that serves, without losing a request."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...model.events import Notice
from ..errors import DeployError
from .containers import (
    APP,
    OLD,
    addresses,
    deployed,
    kept_releases,
    name_of,
    proxy_ports,
    route_key,
    spec_of,
)
from .service import service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker.models.containers import Container

    from ...model.events import Reporter
    from .containers import DeployedRelease, Spec
    from .proxy_client import ProxyClient
    from .proxy_tcp import SocketAddress
    from .service import Service

KEPT = 5
"""Releases before the one that serves that are kept, stopped, for a rollback."""
_RESTART: Any = {"Name": "unless-stopped"}


class ProxyEndpoint(Struct, frozen=True):
    """A port of an app on the proxy, and the address of the container behind it."""

    key: str
    port: int
    upstream: SocketAddress
    http: bool

    @property
    def url(self) -> str:
        """The app's address, which outlives its releases."""
        return f"{'http' if self.http else 'tcp'}://127.0.0.1:{self.port}"


def endpoints(release: DeployedRelease) -> Iterator[ProxyEndpoint]:
    """Yield the endpoints of a release that uses the proxy, those of the default group first."""
    if not release.proxy_ports:
        return
    spec = spec_of(release)
    groups = service(spec.configuration.data).groups
    http = {route_key(spec.app, g.name, p.number): p.http for g in groups for p in g.ports}
    for container in release.containers:
        where = addresses(container)
        for key, port in proxy_ports(container).items():
            inside = int(key.rpartition(":")[2])
            if inside in where:
                yield ProxyEndpoint(key, port, where[inside], http=http.get(key, True))


def reserve_ports(
    proxy: ProxyClient, spec: Spec, wanted: Service, now: DeployedRelease | None, report: Reporter
) -> dict[str, int]:
    """Return the app's ports on the proxy by route key: those that it has, or new ones.

    If the proxy had died, this restores the routes of the release that serves, before the swap.
    """
    restore_routes(proxy, [now] if now else [])
    had = now.proxy_ports if now else {}
    found: dict[str, int] = {}
    for group in wanted.groups:
        for port in group.ports:
            key = route_key(spec.app, group.name, port.number)
            found[key] = _reserve(proxy, key, had.get(key, 0), http=port.http)
            if had.get(key, found[key]) != found[key]:
                report(Notice(f"`{spec.app}` moves: another program has its port {had[key]}"))
    return found


def _reserve(proxy: ProxyClient, key: str, port: int, *, http: bool) -> int:
    try:
        return proxy.route(key, port, None, http=http)
    except DeployError:
        if not port:
            raise
        return proxy.route(key, 0, None, http=http)


def restore_routes(proxy: ProxyClient, releases: Sequence[DeployedRelease]) -> frozenset[str]:
    """Add the routes that the proxy lacks, as after a restart; return the keys of those it has.

    A route that has an upstream keeps it: another run may be swapping at this moment. A route whose
    port another program has taken is left out; the next deploy finds another port.
    """
    wanted = [endpoint for release in releases for endpoint in endpoints(release)]
    known = proxy.routes() if wanted else {}
    return frozenset(
        e.key for e in wanted if known.get(e.key, (0,))[0] == e.port or _restore(proxy, e)
    )


def _restore(proxy: ProxyClient, end: ProxyEndpoint) -> bool:
    try:
        port = proxy.route(end.key, end.port, end.upstream, http=end.http, gentle=True)
    except DeployError:
        return False
    return port == end.port


def take_over(
    proxy: ProxyClient | None,
    new: Sequence[Container],
    now: DeployedRelease | None,
    releases: Sequence[DeployedRelease],
    seconds: int,
) -> None:
    """Send requests to `new`, let `now` finish the open ones for `seconds`, then stop and keep it.

    Of the releases before `now`, those that a rollback can restore are kept too, `KEPT` in all.

    In this order:
    1. the proxy routes new requests to the new containers,
    2. the old and then the new containers are renamed: the name of the app says which one serves,
    3. the old containers finish their requests and stop,
    4. all other containers of `releases`, the app's earlier ones, are removed but for those kept.
    If the run is killed at any point, old and new still run, and one of them is found to serve. So
    containers that are neither old nor new go last: a killed run may have left them serving.
    """
    (release,) = deployed(new)
    kept = {other.number for other in _kept(now, releases)}
    for container in new:
        container.update(restart_policy=_RESTART)
    if proxy:
        for end in endpoints(release):
            proxy.route(end.key, end.port, end.upstream, http=end.http)
    _rename(now, release)
    for container in now.containers if now else ():
        _retire(proxy, container, seconds)
    for other in releases:
        if other.number not in kept:
            for container in other.containers:
                container.remove(force=True)
    if proxy and now:
        proxy.forget([key for key in now.proxy_ports if key not in release.proxy_ports])


def _kept(
    now: DeployedRelease | None, releases: Sequence[DeployedRelease]
) -> Sequence[DeployedRelease]:
    """Return the release that served till now, and those before it that have served and ended."""
    if now is None:
        return ()
    older = kept_releases(str(now.first.labels[APP]), releases)
    return (now, *islice(filter(_is_stopped, older), KEPT - 1))


def _is_stopped(release: DeployedRelease) -> bool:
    return all(container.status != "running" for container in release.containers)


def _rename(now: DeployedRelease | None, new: DeployedRelease) -> None:
    """Rename old, then new containers; the default group last, whose name says what serves."""
    for container in reversed(now.containers if now else ()):
        if container.name == name_of(container) and now:
            container.rename(f"{container.name}.r{now.number}{OLD}")
    for container in reversed(new.containers):
        container.rename(name_of(container))


def _retire(proxy: ProxyClient | None, container: Container, seconds: int) -> None:
    """Stop a container once it has no open requests, after `seconds` in any case."""
    if proxy:
        for address in addresses(container).values():
            proxy.drain(address, seconds)
    container.stop(timeout=seconds)
