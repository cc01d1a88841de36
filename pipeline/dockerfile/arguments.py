"""Which arguments a Dockerfile can see, and which ones BuildKit knows without being told.

Facts from buildkit `frontend/dockerfile`: `docs/reference.md` (predefined ARGs, BuildKit built-in
build args) and `dockerfile2llb/convert.go` (`proxyEnvFromBuildArgs`, which takes any case).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import RefusedError
from .instructions import Define, Instruction, Onbuild, parse_instruction
from .lexer import lex

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})


def is_builders(name: str) -> bool:
    """Whether BuildKit itself reads an argument, declared or not, and it changes the image."""
    return name.startswith("BUILDKIT_") or name == "SOURCE_DATE_EPOCH"


def is_proxy(name: str) -> bool:
    """Whether BuildKit has steps reach the network through what an argument names.

    It does so whether the argument is declared or not, and its cache knows nothing of it.
    """
    return name.lower() in _PROXIES - {"no_proxy"}


def is_predefined(name: str) -> bool:
    """Whether an argument has a meaning in every Dockerfile (those of platforms aside)."""
    return is_builders(name) or name.lower() in _PROXIES


def declared_by(instructions: Iterable[Instruction]) -> frozenset[str]:
    """The names that ARG declares, be it for the images that will stand on this one."""
    found: set[str] = set()
    for instruction in instructions:
        if isinstance(instruction, Define) and instruction.keyword == "ARG":
            found.update(pair.name for pair in instruction.pairs)
        elif isinstance(instruction, Onbuild):
            found |= declared_by(_of_trigger(instruction))
    return frozenset(found)


def _of_trigger(trigger: Onbuild) -> tuple[Instruction, ...]:
    lines = lex(trigger.expression.encode(), trigger.line.file).lines
    try:
        return tuple(parse_instruction(line, "\\") for line in lines)
    except RefusedError:
        return ()
