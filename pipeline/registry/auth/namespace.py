"""Namespaces, for which credentials are looked up: a registry's host, or a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...reference import Repository

Namespace = NewType("Namespace", str)
"""A registry's host (`quay.io`), or one with the beginning of a path (`quay.io/acme`)."""


def namespace_of(repository: Repository) -> Namespace:
    """Return the innermost namespace of a repository, which is the repository itself."""
    return Namespace(str(repository))


def host_of(namespace: Namespace) -> str:
    """Return the host of a namespace.

    >>> host_of(Namespace("quay.io/acme/web"))
    'quay.io'
    """
    return namespace.partition("/")[0]


def parents(namespace: Namespace) -> tuple[Namespace, ...]:
    """Return a namespace and all that contain it, the host last.

    >>> parents(Namespace("quay.io/acme/web"))
    ('quay.io/acme/web', 'quay.io/acme', 'quay.io')
    """
    pieces = namespace.split("/")
    return tuple(Namespace("/".join(pieces[:count])) for count in range(len(pieces), 0, -1))


def common(namespaces: Collection[Namespace]) -> Namespace:
    """Return the innermost namespace that contains all of `namespaces`, which are on one host.

    >>> common([Namespace("quay.io/acme/web"), Namespace("quay.io/acme/api")])
    'quay.io/acme'
    """
    first, *rest = namespaces
    shared = (one for one in parents(first) if all(one in parents(other) for other in rest))
    return next(shared, Namespace(host_of(first)))
