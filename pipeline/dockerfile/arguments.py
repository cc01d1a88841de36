"""Which arguments a Dockerfile can see, and which ones BuildKit knows without being told.

Facts from buildkit `frontend/dockerfile`: `docs/reference.md` (predefined ARGs, BuildKit built-in
build args) and `dockerfile2llb/convert.go` (`proxyEnvFromBuildArgs`, which takes any case).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reference import HUB, ReferenceSyntaxError, parse_reference
from .instructions import Define, Instruction, Onbuild, parse_instruction
from .lexer import lex
from .refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
_FRONTENDS = frozenset({"docker/dockerfile", "docker/dockerfile-upstream"})


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


def is_dockers(frontend: str) -> bool:
    """Whether the image behind `# syntax=` reads the Dockerfiles that are read here.

    >>> is_dockers("docker/dockerfile:1.7-labs"), is_dockers("acme/frontend"), is_dockers("")
    (True, False, True)
    """
    if not frontend:
        return True
    try:
        repository = parse_reference(frontend).repository
    except ReferenceSyntaxError:
        return False
    return repository.host == HUB and repository.path in _FRONTENDS


def may_have_labs(frontend: str) -> bool:
    """Whether the image behind `# syntax=` may know what is still being tried out.

    >>> may_have_labs("docker/dockerfile:1-labs"), may_have_labs("docker/dockerfile:1")
    (True, False)
    """
    if not is_dockers(frontend):
        return True
    name, _, digest = frontend.partition("@")
    _, colon, tag = name.rpartition(":")
    return "labs" in tag if colon else bool(digest)


def _of_trigger(trigger: Onbuild) -> tuple[Instruction, ...]:
    lines = lex(trigger.expression.encode(), trigger.line.file).lines
    try:
        return tuple(parse_instruction(line, "\\") for line in lines)
    except RefusedError:
        return ()
