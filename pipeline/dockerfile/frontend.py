"""The frontend that reads a Dockerfile, as `# syntax=` or the argument BUILDKIT_SYNTAX names it."""

from __future__ import annotations

from ..reference import HUB, ReferenceSyntaxError, parse_reference

_OFFICIAL = ("docker/dockerfile", "docker/dockerfile-upstream")


def is_official(frontend: str) -> bool:
    """Return whether the frontend is the builder's own or Docker's, by its name on Docker Hub.

    >>> is_official("docker/dockerfile:1.7-labs"), is_official("acme/frontend"), is_official("")
    (True, False, True)
    """
    if not frontend:
        return True
    try:
        repository = parse_reference(frontend).repository
    except ReferenceSyntaxError:
        return False
    return repository.host == HUB and repository.path in _OFFICIAL


def is_official_or_mirror(frontend: str) -> bool:
    """Return whether the frontend is official, or is named like a copy of Docker's elsewhere.

    >>> is_official_or_mirror("mirror.acme.dev/docker/dockerfile:1"), is_official_or_mirror("a/b")
    (True, False)
    """
    if not frontend:
        return True
    try:
        path = parse_reference(frontend).repository.path
    except ReferenceSyntaxError:
        return False
    return path in _OFFICIAL or path.endswith(tuple(f"/{name}" for name in _OFFICIAL))


def may_have_labs(frontend: str) -> bool:
    """Return whether the frontend may support experimental (`labs`) instructions.

    >>> may_have_labs("docker/dockerfile:1-labs"), may_have_labs("docker/dockerfile:1")
    (True, False)
    """
    if not is_official(frontend):
        return True
    name, _, digest = frontend.partition("@")
    _, colon, tag = name.rpartition(":")
    return "labs" in tag if colon else bool(digest)
