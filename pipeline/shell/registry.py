"""The registry client of a project, as its settings and the environment have it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.core.events import silent
from pipeline.core.reference import HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.core.allowed import Allowed
    from pipeline.core.events import Reporter
    from pipeline.core.model import Settings
    from pipeline.edge.registry import Credential, CredentialSource, Mirror, Registry


def shown_to_others(settings: Settings, environ: Mapping[str, str]) -> CredentialSource:
    """The credentials of this environment, as those may have them who pull by themselves.

    A host that the project calls insecure is asked first, when somebody wants its credential.
    """
    from pipeline.edge.registry import credentials  # noqa: PLC0415 - the edge is opened late

    source = credentials(environ)

    def look_up(place: str, /) -> Credential | None:
        if not settings.registry.insecure:
            return source(place)
        with open_registry(settings, environ) as registry:
            return registry.showing(source)(place)

    return look_up


@contextmanager
def open_registry(
    settings: Settings, environ: Mapping[str, str], report: Reporter = silent
) -> Iterator[Registry]:
    """A client for all registries, with the credentials of this environment, closed at the end."""
    from pipeline.edge.registry import (  # noqa: PLC0415 - httpcore costs 60 ms
        Registry,
        credentials,
        namespaces,
    )

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
    )
    with opened as client:
        yield client


def _mirrors(registry: str, allowed: Allowed, environ: Mapping[str, str]) -> tuple[Mirror, ...]:
    """The user's mirrors of a registry, then the engine's, which knows those of Docker Hub."""
    from pipeline.edge.engine import information  # noqa: PLC0415 - the edge is opened late
    from pipeline.edge.registry import Mirror, mirrors_in  # noqa: PLC0415 - the edge is opened late

    named = tuple(Mirror(host) for name, host in allowed.mirrors if name == registry)
    if registry != HUB:
        return named
    info, here = information(environ)
    return (*named, *mirrors_in(info, here=here))
