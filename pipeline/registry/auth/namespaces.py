"""The user's home folder and paths as people write them; a host, and parts of a host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def home(environ: Mapping[str, str]) -> Path:
    """The home folder that the environment names, else the user's, else `/` as in a container.

    A user whom no `/etc/passwd` knows is common there, and has no other.
    """
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def shown(path: Path, environ: Mapping[str, str]) -> str:
    """A path for people: `~/.docker/config.json`."""
    mine = home(environ)
    if mine == Path("/") or not path.is_relative_to(mine):
        return str(path)
    return f"~/{path.relative_to(mine).as_posix()}"


def host_of(place: str) -> str:
    """The host of a place.

    >>> host_of("quay.io/acme/web")
    'quay.io'
    """
    return place.partition("/")[0]


def parents(place: str) -> tuple[str, ...]:
    """A place and all that it lies in, the host last.

    >>> parents("quay.io/acme/web")
    ('quay.io/acme/web', 'quay.io/acme', 'quay.io')
    """
    pieces = place.split("/")
    return tuple("/".join(pieces[:count]) for count in range(len(pieces), 0, -1))


def common(places: Collection[str]) -> str:
    """The innermost place that all of `places`, which are on one host, lie in.

    >>> common(["quay.io/acme/web", "quay.io/acme/api"])
    'quay.io/acme'
    """
    first, *rest = places
    shared = (place for place in parents(first) if all(place in parents(other) for other in rest))
    return next(shared, host_of(first))
