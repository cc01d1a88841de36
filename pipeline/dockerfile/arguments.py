"""Build arguments: those that a Dockerfile declares, and those that BuildKit itself knows.

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


def is_buildkit_argument(name: str) -> bool:
    """Return whether BuildKit reads an argument, declared or not, and it affects the image."""
    return name.startswith("BUILDKIT_") or name == "SOURCE_DATE_EPOCH"


def is_proxy(name: str) -> bool:
    """Return whether an argument names a proxy through which BuildKit's steps reach the network.

    BuildKit uses it whether or not the argument is declared, and leaves it out of its cache keys.
    """
    return name.lower() in _PROXIES - {"no_proxy"}


def is_predefined(name: str) -> bool:
    """Return whether an argument has a meaning in every Dockerfile (except those of platforms)."""
    return is_buildkit_argument(name) or name.lower() in _PROXIES


def declared_by(instructions: Iterable[Instruction]) -> frozenset[str]:
    """Return the names that ARG declares, also in triggers (ONBUILD)."""
    found: set[str] = set()
    for instruction in instructions:
        if isinstance(instruction, Define) and instruction.keyword == "ARG":
            found.update(pair.name for pair in instruction.pairs)
        elif isinstance(instruction, Onbuild):
            found |= declared_by(_trigger_instructions(instruction))
    return frozenset(found)


def _trigger_instructions(trigger: Onbuild) -> tuple[Instruction, ...]:
    lines = lex(trigger.expression.encode(), trigger.line.file).lines
    try:
        return tuple(parse_instruction(line, "\\") for line in lines)
    except RefusedError:
        return ()
