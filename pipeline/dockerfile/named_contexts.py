"""Named contexts: folders that replace stages and images of the same name.

Facts from buildkit, `frontend/dockerfile/dockerfile2llb/convert.go`: `newDispatchStates` replaces a
stage of that name, whatever it does, and `resolveBaseImage` an image; `NamedContext` of
`frontend/dockerui/config.go` looks for a name as `context_key` writes it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..reference import HUB, ReferenceSyntaxError, parse_reference
from .bases import SCRATCH, Origin, StageBase

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .parser import Dockerfile

RESERVED_NAMES = frozenset({"context", SCRATCH})
"""Names that BuildKit reserves: it looks for no context of such a name."""

_DEFAULT_TAG = ":latest"


@lru_cache(maxsize=4096)
def context_key(written: str) -> str:
    """Return the name that the frontend looks up: familiar, without `:latest`.

    >>> context_key("docker.io/library/python-base:latest"), context_key("127.0.0.1:5000/a:1")
    ('python-base', '127.0.0.1:5000/a:1')
    """
    reference = parse_reference(written)
    name = str(reference)
    if reference.repository.host == HUB:
        name = name.removeprefix(f"{HUB}/").removeprefix("library/")
    return name.removesuffix(_DEFAULT_TAG)


def with_context(origin: Origin, dockerfile: Dockerfile, contexts: Collection[str]) -> Origin:
    """Return the named context that replaces an origin, or the origin itself."""
    name = _name(origin, dockerfile) if contexts else ""
    return Origin(None, context=name, used=origin.used) if name in contexts else origin


def with_contexts(
    links: Iterable[StageBase], dockerfile: Dockerfile, contexts: Collection[str]
) -> tuple[StageBase, ...]:
    """Apply named contexts to the bases of stages; of a replaced stage only the context is left."""
    return tuple(
        replace(one, base=Origin(None, context=one.stage.name))
        if one.stage.name and one.stage.name in contexts
        else replace(one, base=with_context(one.base, dockerfile, contexts))
        for one in links
    )


def _name(origin: Origin, dockerfile: Dockerfile) -> str:
    if origin.stage is not None:
        # Images have numbers too, after those of the file's stages.
        return dockerfile.stages[origin.stage].name
    if not origin.image or origin.image == SCRATCH:
        return ""
    try:
        return context_key(origin.image)
    except ReferenceSyntaxError:
        return ""
