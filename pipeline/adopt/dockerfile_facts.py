"""What a Dockerfile says that helps to decide: its arguments, and what it reads of its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dockerfile import resolve
from ..dockerfile.instructions import Define
from ..errors import ConfigError
from ..reference import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..dockerfile import Dockerfile

_LINUX = Platform("linux", "amd64")


def arguments_of(parsed: Dockerfile) -> dict[str, str | None]:
    """Return all arguments that are declared anywhere, with their default if it is always one."""
    found: dict[str, str | None] = {}
    for define in _defines(parsed):
        for pair in define.pairs:
            same = found.get(pair.name, pair.value) == pair.value
            found[pair.name] = pair.value if same else None
    return found


def sources_of(parsed: Dockerfile, args: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the paths of the context that are read; `None` if they are not known."""
    try:
        reads = resolve(parsed, target=None, args=args, platform=_LINUX).reads
    except ConfigError:
        return None
    return tuple(dict.fromkeys(read.pattern for read in reads.reads if not read.optional))


def _defines(parsed: Dockerfile) -> Iterator[Define]:
    yield from parsed.arguments
    for stage in parsed.stages:
        for one in stage.instructions:
            if isinstance(one, Define) and one.keyword == "ARG":
                yield one
