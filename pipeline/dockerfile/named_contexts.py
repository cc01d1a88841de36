"""Named contexts: folders that go before stages and images of the same name.

Facts from buildkit, `frontend/dockerfile/dockerfile2llb/convert.go`: `newDispatchStates` replaces a
stage of that name, whatever it does, and `resolveBaseImage` an image; `NamedContext` of
`frontend/dockerui/config.go` looks for a name as `context_key` writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..reference import HUB, ReferenceSyntaxError, parse_reference
from .bases import SCRATCH, Link, Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .parser import Dockerfile

KEPT_NAMES = frozenset({"context", SCRATCH})
"""BuildKit keeps these for itself, and looks for no context of that name."""

_DEFAULT_TAG = ":latest"


def context_key(written: str) -> str:
    """Name as the frontend looks it up: familiar, without `:latest`.

    >>> context_key("docker.io/library/python-base:latest"), context_key("127.0.0.1:5000/a:1")
    ('python-base', '127.0.0.1:5000/a:1')
    """
    reference = parse_reference(written)
    name = str(reference)
    if reference.repository.host == HUB:
        name = name.removeprefix(f"{HUB}/").removeprefix("library/")
    return name.removesuffix(_DEFAULT_TAG)


def settled(origin: Origin, dockerfile: Dockerfile, contexts: Collection[str]) -> Origin:
    """The same origin, or the named context that goes before it."""
    name = _name(origin, dockerfile) if contexts else ""
    return Origin(None, context=name, used=origin.used) if name in contexts else origin


def settled_links(
    links: Iterable[Link], dockerfile: Dockerfile, contexts: Collection[str]
) -> tuple[Link, ...]:
    """The stages with what they stand on; one that is replaced is its context, and no more."""
    return tuple(
        replace(one, base=Origin(None, context=one.stage.name))
        if one.stage.name and one.stage.name in contexts
        else replace(one, base=settled(one.base, dockerfile, contexts))
        for one in links
    )


def _name(origin: Origin, dockerfile: Dockerfile) -> str:
    if origin.stage is not None:
        # Numbers of stages go on behind the file's own, for images.
        return dockerfile.stages[origin.stage].name
    if not origin.image or origin.image == SCRATCH:
        return ""
    try:
        return context_key(origin.image)
    except ReferenceSyntaxError:
        return ""
