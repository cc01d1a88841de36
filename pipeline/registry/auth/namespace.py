"""Namespaces: a registry's host (`quay.io`) or a part of it (`quay.io/acme`), as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def host_of(namespace: str) -> str:
    """Return the host of a namespace.

    >>> host_of("quay.io/acme/web")
    'quay.io'
    """
    return namespace.partition("/")[0]


def parents(namespace: str) -> tuple[str, ...]:
    """Return a namespace and all that contain it, the host last.

    >>> parents("quay.io/acme/web")
    ('quay.io/acme/web', 'quay.io/acme', 'quay.io')
    """
    pieces = namespace.split("/")
    return tuple("/".join(pieces[:count]) for count in range(len(pieces), 0, -1))


def common(namespaces: Collection[str]) -> str:
    """Return the innermost namespace that contains all of `namespaces`, which are on one host.

    >>> common(["quay.io/acme/web", "quay.io/acme/api"])
    'quay.io/acme'
    """
    first, *rest = namespaces
    shared = (one for one in parents(first) if all(one in parents(other) for other in rest))
    return next(shared, host_of(first))
