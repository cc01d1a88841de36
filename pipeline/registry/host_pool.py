"""All hosts of a `Registry`: which host a repository is read from and pushed to."""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..reference import Repository
from .auth.namespace import Namespace, namespace_of, parents
from .host import Host
from .mirrors import MirrorHosts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .host import HostSettings
    from .mirrors import Mirror, Mirrors


def no_mirrors(_registry: str, /) -> tuple[Mirror, ...]:
    """Return no mirrors for any registry."""
    return ()


class HostPool:
    """The host of each repository, made when it is first needed. Thread-safe.

    `namespaces` are parts of hosts with a credential of their own.
    """

    def __init__(self, namespaces: frozenset[Namespace], mirrors: Mirrors) -> None:
        self._namespaces = namespaces
        self._mirrors = mirrors
        self._lock = Lock()
        self._made: dict[tuple[Namespace, bool], Host] = {}
        self._pushed: frozenset[Repository] = frozenset()
        self._public: frozenset[Repository] = frozenset()

    def of(self, repository: Repository, settings: HostSettings) -> Host:
        """Return the host of a repository; it has mirrors where the repository is public."""
        name = Namespace(repository.host)
        if self._namespaces:
            inside = (n for n in parents(namespace_of(repository)) if n in self._namespaces)
            name = next(inside, name)
        mirrored = repository in self._public and repository not in self._pushed
        return self._once(repository.host, name, settings, mirrored=mirrored)

    def named(self, host: str, settings: HostSettings) -> Host:
        """Return a host by its name."""
        return self._once(host, Namespace(host), settings, mirrored=False)

    @property
    def latency(self) -> float:
        """The seconds that the slowest host takes to answer; infinite if one never did."""
        with self._lock:
            return max((host.latency for host in self._made.values()), default=math.inf)

    def is_pushed(self, host: str, path: str) -> bool:
        """Return whether we push to a repository."""
        return Repository(host, path) in self._pushed

    def pushes_to(self, repositories: Iterable[Repository]) -> None:
        """Note the repositories that we push to."""
        with self._lock:
            self._pushed |= frozenset(repositories)

    def reads_public(self, repositories: Iterable[Repository]) -> None:
        """Note the repositories that belong to others."""
        with self._lock:
            self._public |= frozenset(repositories)

    def close(self) -> None:
        """Close all connections."""
        for host in self._made.values():
            host.close()

    def _once(
        self, host: str, namespace: Namespace, settings: HostSettings, *, mirrored: bool
    ) -> Host:
        with self._lock:
            if (namespace, mirrored) not in self._made:
                mirrors = self._mirror_hosts(host, settings) if mirrored else None
                self._made[namespace, mirrored] = Host(
                    host, settings, namespace=namespace, mirrors=mirrors
                )
            return self._made[namespace, mirrored]

    def _mirror_hosts(self, registry: str, settings: HostSettings) -> MirrorHosts:
        def connect(mirror: Mirror) -> Host:
            insecure = settings.insecure | ({mirror.host} if mirror.insecure else frozenset())
            return Host(
                mirror.host, replace(settings, insecure=insecure), namespace=Namespace(mirror.host)
            )

        return MirrorHosts(registry, self._mirrors, connect, settings.report)
