"""Open the registry client of a project, from its settings and the environment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..http.retry import Policy
from ..model.events import silent
from ..reference import HUB
from ..registry.auth.keychain import credentials
from ..registry.auth.podman_login import namespaces
from ..registry.client import Registry
from ..registry.mirrors import Mirror, mirrors_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model.events import Reporter
    from ..model.permission import Allowed
    from ..model.settings import Settings
    from ..registry.auth.credential import Credential, CredentialSource
    from ..registry.auth.namespace import Namespace


def shown_to_others(settings: Settings, environ: Mapping[str, str]) -> CredentialSource:
    """Return the credentials that may be given to others who pull images: an engine, flyctl.

    The credential of a host that the project calls insecure is given only after asking that host.
    """
    source = credentials(environ)

    def look_up(namespace: Namespace, /) -> Credential | None:
        if not settings.registry.insecure:
            return source(namespace)
        with open_registry(settings, environ) as registry:
            return registry.showing(source)(namespace)

    return look_up


@contextmanager
def open_registry(
    settings: Settings,
    environ: Mapping[str, str],
    report: Reporter = silent,
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> Iterator[Registry]:
    """Open a client for all registries with the credentials of this environment."""
    allowed, registry = settings.allowed, settings.registry
    insecure = frozenset({registry.host}) if registry.insecure else frozenset()
    opened = Registry(
        credentials=credentials(environ),
        namespaces=namespaces(environ),
        insecure=insecure,
        token_servers=allowed.token_servers,
        private=allowed.private,
        mirrors=lambda registry: _mirrors(registry, allowed, environ),
        report=report,
        policy=policy,
    )
    with opened as client:
        yield client


def _mirrors(registry: str, allowed: Allowed, environ: Mapping[str, str]) -> tuple[Mirror, ...]:
    """Return the user's mirrors of a registry, then the engine's, which has some for Docker Hub."""
    from ..buildkit.engine import information  # noqa: PLC0415 - the edge is opened late

    named = tuple(Mirror(host) for name, host in allowed.mirrors if name == registry)
    if registry != HUB:
        return named
    info, here = information(environ)
    return (*named, *mirrors_in(info, here=here))
