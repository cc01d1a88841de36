"""Which image reads the Dockerfile: `# syntax=` or the argument BUILDKIT_SYNTAX name it. Pure."""

from __future__ import annotations

from ..reference import ReferenceSyntaxError, parse_reference

_DOCKERS = ("docker/dockerfile", "docker/dockerfile-upstream")


def is_dockers(frontend: str) -> bool:
    """Whether Docker's own frontend reads the file: the builder's, or a copy anywhere of its image.

    >>> is_dockers(""), is_dockers("docker/dockerfile:1.7-labs"), is_dockers("acme/earth")
    (True, True, False)
    """
    if not frontend:
        return True
    try:
        path = parse_reference(frontend).repository.path
    except ReferenceSyntaxError:
        return False
    return path in _DOCKERS or path.endswith(tuple(f"/{name}" for name in _DOCKERS))
