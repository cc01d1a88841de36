"""All hosts of a `Registry`, and what is known of repositories: where we push, what is public."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..reference import Repository
from .auth.namespaces import host_of, parents
from .host import Host
from .mirrors import Lenders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .host import HostSettings
    from .mirrors import Mirror, Mirrors


def no_mirrors(_registry: str, /) -> tuple[Mirror, ...]:
    """Ask each registry itself."""
    return ()


class Hosts:
    """Hosts and parts of hosts, each made when it is first asked for. Thread-safe."""

    def __init__(self, namespaces: frozenset[str], mirrors: Mirrors) -> None:
        self._namespaces = namespaces
        self._mirrors = mirrors
        self._lock = Lock()
        self._made: dict[tuple[str, bool], Host] = {}
        self._pushed: frozenset[Repository] = frozenset()
        self._public: frozenset[Repository] = frozenset()

    def at(self, place: str, setting: HostSettings) -> Host:
        """The registry at a host or a part of it; mirrors stand before what is public."""
        name = next((p for p in parents(place) if p in self._namespaces), host_of(place))
        registry, _, path = place.partition("/")
        repository = Repository(registry, path)
        with self._lock:
            lent = repository in self._public and repository not in self._pushed
            if (name, lent) not in self._made:
                lenders = self._lenders(registry, setting) if lent else None
                self._made[name, lent] = Host(registry, setting, namespace=name, mirrors=lenders)
            return self._made[name, lent]

    def is_pushed(self, host: str, path: str) -> bool:
        """Whether we push to a repository."""
        return Repository(host, path) in self._pushed

    def pushes_to(self, repositories: Iterable[Repository]) -> None:
        """Note where we push."""
        with self._lock:
            self._pushed |= frozenset(repositories)

    def reads_public(self, repositories: Iterable[Repository]) -> None:
        """Note what is somebody else's."""
        with self._lock:
            self._public |= frozenset(repositories)

    def close(self) -> None:
        """Let go of all connections."""
        for host in self._made.values():
            host.close()

    def _lenders(self, registry: str, setting: HostSettings) -> Lenders:
        def connect(mirror: Mirror) -> Host:
            insecure = setting.insecure | ({mirror.host} if mirror.insecure else frozenset())
            return Host(mirror.host, replace(setting, insecure=insecure), namespace=mirror.host)

        return Lenders(registry, self._mirrors, connect, setting.report)
