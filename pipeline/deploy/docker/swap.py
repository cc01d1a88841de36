"""Let a new release take over from the one that serves, without a request being lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...model.events import Notice
from ..errors import DeployError
from .containers import OLD, addresses, deployed, fronts, name_of, route_key, spec_of
from .service import service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker.models.containers import Container

    from ...model.events import Reporter
    from .containers import Deployed, Spec
    from .proxy_client import FrontClient
    from .proxy_tcp import Address
    from .service import Service

_RESTART: Any = {"Name": "unless-stopped"}


class Way(Struct, frozen=True):
    """One way into a release: the app's own port, and where its container answers now."""

    key: str
    port: int
    upstream: Address
    http: bool

    @property
    def url(self) -> str:
        """The app's address, which stays."""
        return f"{'http' if self.http else 'tcp'}://127.0.0.1:{self.port}"


def ways(release: Deployed) -> Iterator[Way]:
    """All ways into a release that has a front, those of the default group first."""
    if not release.fronts:
        return
    spec = spec_of(release)
    groups = service(spec.configuration.data).groups
    kinds = {route_key(spec.app, g.name, p.number): p.http for g in groups for p in g.ports}
    for container in release.containers:
        where = addresses(container)
        for key, port in fronts(container).items():
            inside = int(key.rpartition(":")[2])
            if inside in where:
                yield Way(key, port, where[inside], http=kinds.get(key, True))


def reserve(
    front: FrontClient, spec: Spec, wanted: Service, now: Deployed | None, report: Reporter
) -> dict[str, int]:
    """The app's own ports by their routes' keys: those that it has, or new ones.

    Where the front had died, what serves is served again from here on, not only after the swap.
    """
    heal(front, [now] if now else [])
    had = now.fronts if now else {}
    found: dict[str, int] = {}
    for group in wanted.groups:
        for port in group.ports:
            key = route_key(spec.app, group.name, port.number)
            found[key] = _port(front, key, had.get(key, 0), http=port.http)
            if had.get(key, found[key]) != found[key]:
                report(Notice(f"`{spec.app}` moves: another program has its port {had[key]}"))
    return found


def _port(front: FrontClient, key: str, port: int, *, http: bool) -> int:
    try:
        return front.route(key, port, None, http=http)
    except DeployError:
        if not port:
            raise
        return front.route(key, 0, None, http=http)


def heal(front: FrontClient, releases: Sequence[Deployed]) -> frozenset[str]:
    """Tell the front what it does not know, as one that was started anew; the keys that are well.

    It is told gently: another run may be swapping, and know better what serves by now. A port that
    another program has taken is left out: the next deploy finds another.
    """
    wanted = [way for release in releases for way in ways(release)]
    known = front.routes() if wanted else {}
    return frozenset(w.key for w in wanted if known.get(w.key, (0,))[0] == w.port or _set(front, w))


def _set(front: FrontClient, way: Way) -> bool:
    try:
        port = front.route(way.key, way.port, way.upstream, http=way.http, gentle=True)
    except DeployError:
        return False
    return port == way.port


def take_over(
    front: FrontClient | None,
    new: Sequence[Container],
    now: Deployed | None,
    releases: Sequence[Deployed],
    seconds: int,
) -> None:
    """Requests go to `new` from here on; `now` ends what is under way, stops, and is kept.

    Killed anywhere, both still run, and one of them is found to serve. `releases` are all that the
    app had: what is neither old nor new goes only now, as it may be what killed runs left serving.
    """
    (release,) = deployed(new)
    for container in new:
        container.update(restart_policy=_RESTART)
    if front:
        for way in ways(release):
            front.route(way.key, way.port, way.upstream, http=way.http)
    _rename(now, release)
    for container in now.containers if now else ():
        _retire(front, container, seconds)
    for other in releases:
        if now is None or other.number != now.number:
            for container in other.containers:
                container.remove(force=True)
    if front and now:
        front.forget([key for key in now.fronts if key not in release.fronts])


def _rename(now: Deployed | None, new: Deployed) -> None:
    """The default groups come last: whose container has the app's name decides what serves."""
    for container in reversed(now.containers if now else ()):
        if container.name == name_of(container) and now:
            container.rename(f"{container.name}.r{now.number}{OLD}")
    for container in reversed(new.containers):
        container.rename(name_of(container))


def _retire(front: FrontClient | None, container: Container, seconds: int) -> None:
    """Stop a container when nothing is under way to it any more, or its time is over."""
    for address in addresses(container).values() if front else ():
        if front:
            front.drain(address, seconds)
    container.stop(timeout=seconds)
